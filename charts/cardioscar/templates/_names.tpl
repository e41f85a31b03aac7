{{/* Prefix of the names of resources: at most 38 characters, so that every suffix and Kubernetes' own fit into 63. */}}
{{- define "cardioscar.fullname" -}}
{{- $chart := default .Chart.Name .Values.nameOverride -}}
{{- $name := printf "%s-%s" .Release.Name $chart -}}
{{- if contains $chart .Release.Name }}{{ $name = .Release.Name }}{{ end -}}
{{- $name = default $name .Values.fullnameOverride -}}
{{- if gt (len $name) 38 -}}
{{- printf "%s-%s" ($name | trunc 29 | trimSuffix "-") (sha256sum $name | trunc 8) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{- define "cardioscar.mlflow.name" -}}
{{ include "cardioscar.fullname" . }}-mlflow
{{- end -}}

{{/* ServiceAccount of the server and the bucket Job, which share the identity towards the object store. */}}
{{- define "cardioscar.serviceAccount" -}}
{{- $own := include "cardioscar.mlflow.name" . -}}
{{- with .Values.mlflow.serviceAccount }}{{ .name | default (ternary $own "default" .create) }}{{ end -}}
{{- end -}}

{{/* ServiceAccount of what runs before the release's resources exist. */}}
{{- define "cardioscar.serviceAccount.early" -}}
{{- ternary "default" (include "cardioscar.serviceAccount" .) .Values.mlflow.serviceAccount.create -}}
{{- end -}}

{{- define "cardioscar.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* Labels of a resource. Takes (list $ component). */}}
{{- define "cardioscar.labels" -}}
{{- $ := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" | trunc 63 }}
{{ include "cardioscar.selector" $ }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: cardioscar
app.kubernetes.io/managed-by: {{ $.Release.Service }}
{{- with $.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Namespaces of runs, as a JSON list. */}}
{{- define "cardioscar.runNamespaces" -}}
{{- .Values.kubeflow.runNamespaces | default (list .Release.Namespace) | uniq | toJson -}}
{{- end -}}
