{{/* The compiled pipelines as files of a ConfigMap. Their default images become those of this release, so that the run
     form of an air-gapped cluster offers what the cluster can pull; names of secrets and endpoints those of the values. */}}
{{- define "cardioscar.pipelines" -}}
{{- $files := dict -}}
{{- range $path, $_ := .Files.Glob "files/pipelines/*.yaml" }}
{{- $text := $.Files.Get $path -}}
{{- $text = regexReplaceAllLiteral "defaultValue: cardioscar:[^\\s'\"]+-cpu" $text (printf "defaultValue: %s" (include "cardioscar.image.stage" $)) -}}
{{- $text = regexReplaceAllLiteral "defaultValue: cardioscar:[^\\s'\"]+-cuda" $text (printf "defaultValue: %s" (include "cardioscar.image.train" $)) -}}
{{- with include "cardioscar.objectStore.secret" (list $ "runs") }}
{{- $text = regexReplaceAllLiteral "(?m)defaultValue: cardioscar-s3-runs$" $text (printf "defaultValue: %s" .) -}}
{{- end }}
{{- $text = regexReplaceAllLiteral "(?m)defaultValue: cardioscar-mlflow$" $text (printf "defaultValue: %s" $.Values.mlflow.auth.client.existingSecret) -}}
{{- $text = regexReplaceAllLiteral "(?m)defaultValue: cardioscar-endpoints$" $text (printf "defaultValue: %s" $.Values.pipelines.endpointsConfigMap) -}}
{{- $_ := set $files (base $path) $text -}}
{{- end }}
{{- toYaml $files -}}
{{- end -}}

{{- define "cardioscar.pipelines.version" -}}
{{- .Values.pipelines.upload.version | default (printf "%s-%s" .Chart.AppVersion (include "cardioscar.pipelines" . | sha256sum | trunc 8)) -}}
{{- end -}}
