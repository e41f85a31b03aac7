{{/* Statements of one bucket, as a JSON policy. Takes (dict "bucket" "principals" "actions" "partition" "tls"). */}}
{{- define "cardioscar.policy" -}}
{{- $arn := printf "arn:%s:s3:::%s" .partition .bucket -}}
{{- $who := dict "AWS" .principals -}}
{{- $list := dict "Sid" "List" "Effect" "Allow" "Principal" $who "Action" (list "s3:GetBucketLocation" "s3:ListBucket") "Resource" $arn -}}
{{- $use := dict "Sid" "Objects" "Effect" "Allow" "Principal" $who "Action" .actions "Resource" (printf "%s/*" $arn) -}}
{{- $statements := list $list $use -}}
{{- if .tls -}}
{{- $condition := dict "Bool" (dict "aws:SecureTransport" "false") -}}
{{- $statements = append $statements (dict "Sid" "TlsOnly" "Effect" "Deny" "Principal" "*" "Action" "s3:*" "Resource" (list $arn (printf "%s/*" $arn)) "Condition" $condition) -}}
{{- end -}}
{{- dict "Version" "2012-10-17" "Statement" $statements | toJson -}}
{{- end -}}

{{/* The buckets that the Job prepares, as JSON. Stages read cohorts, and replace and erase results; MLflow does so with artifacts. */}}
{{- define "cardioscar.buckets" -}}
{{- $store := .Values.objectStore -}}
{{- $policy := $store.init.policy -}}
{{- $read := list "s3:GetObject" -}}
{{- $write := list "s3:AbortMultipartUpload" "s3:DeleteObject" "s3:GetObject" "s3:ListMultipartUploadParts" "s3:PutObject" -}}
{{- $wanted := list (list $store.buckets.cohorts $read $policy.principals.stages) (list $store.buckets.results $write $policy.principals.stages) -}}
{{- if .Values.mlflow.enabled }}{{ $wanted = append $wanted (list $store.buckets.mlflow $write $policy.principals.mlflow) }}{{ end -}}
{{- $buckets := list -}}
{{- range $wanted }}
{{- $document := dict -}}
{{- if $policy.enabled }}
{{- $document = include "cardioscar.policy" (dict "bucket" (index . 0) "actions" (index . 1) "principals" (index . 2) "partition" $policy.partition "tls" $policy.requireTls) | fromJson -}}
{{- end }}
{{- $buckets = append $buckets (dict "name" (index . 0) "versioning" $store.init.versioning "abort_days" (int $store.init.abortIncompleteUploadsDays) "policy" $document) -}}
{{- end }}
{{- $buckets | toJson -}}
{{- end -}}
