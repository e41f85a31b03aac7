{{/* Address of MLflow inside the cluster, or of the one that is there already; empty where there is none. */}}
{{- define "cardioscar.mlflow.uri" -}}
{{- if .Values.mlflow.enabled -}}
http://{{ include "cardioscar.mlflow.name" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}:{{ .Values.mlflow.service.port }}
{{- else -}}
{{- .Values.mlflow.externalUri -}}
{{- end -}}
{{- end -}}

{{/* Every Host header that the server accepts: each name with and without port. */}}
{{- define "cardioscar.mlflow.allowedHosts" -}}
{{- $name := include "cardioscar.mlflow.name" . -}}
{{- $hosts := list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) -}}
{{- $hosts = append $hosts (printf "%s.%s.svc.%s" $name .Release.Namespace .Values.clusterDomain) -}}
{{- $hosts = append $hosts "localhost" -}}
{{- $accepted := list -}}
{{- range $hosts }}{{ $accepted = concat $accepted (list . (printf "%s:%v" . $.Values.mlflow.service.port)) }}{{ end -}}
{{- $accepted = append $accepted "localhost:5000" -}}
{{- if .Values.mlflow.ingress.enabled }}{{ $accepted = concat $accepted (list .Values.mlflow.ingress.host (printf "%s:443" .Values.mlflow.ingress.host)) }}{{ end -}}
{{- concat $accepted .Values.mlflow.extraAllowedHosts | uniq | join "," -}}
{{- end -}}

{{/* Port of a URL. Takes the URL. */}}
{{- define "cardioscar.port" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $port | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}

{{/* Ports that network policies name: those of the pods, behind a Service. */}}
{{- define "cardioscar.objectStore.port" -}}
{{- int .Values.networkPolicy.objectStorePort | default (include "cardioscar.port" (.Values.objectStore.endpoint | default "https://s3.amazonaws.com")) -}}
{{- end -}}

{{- define "cardioscar.kubeflow.port" -}}
{{- int .Values.networkPolicy.kubeflowPort | default (include "cardioscar.port" .Values.kubeflow.apiUrl) -}}
{{- end -}}
