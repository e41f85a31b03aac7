{{- define "cardioscar.egress.dns" -}}
- ports:
    {{- range .Values.networkPolicy.dnsPorts }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .Values.networkPolicy.dns }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "cardioscar.egress.objectStore" -}}
- ports:
    - {port: {{ include "cardioscar.objectStore.port" . }}, protocol: TCP}
    {{- if and .Values.objectStore.endpoint (include "cardioscar.objectStore.identity" .) }}
    - {port: 443, protocol: TCP}
    {{- end }}
  {{- with .Values.networkPolicy.objectStore }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "cardioscar.egress.database" -}}
- ports:
    - {port: {{ .Values.database.port }}, protocol: TCP}
  {{- with .Values.networkPolicy.database }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "cardioscar.egress.kubeflow" -}}
- ports:
    - {port: {{ include "cardioscar.kubeflow.port" . }}, protocol: TCP}
  {{- with .Values.networkPolicy.kubeflow }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "cardioscar.egress.mlflow" -}}
- ports:
    - {port: 5000, protocol: TCP}
  to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .Release.Namespace }}
      podSelector:
        matchLabels:
          {{- include "cardioscar.selector" . | nindent 10 }}
          app.kubernetes.io/component: mlflow
{{- end -}}

{{/* Head of a policy for one component of the release. Takes (list $ component). */}}
{{- define "cardioscar.policy.head" -}}
{{- $ := index . 0 -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "cardioscar.fullname" $ }}-{{ index . 1 }}
  namespace: {{ $.Release.Namespace }}
  labels: {{- include "cardioscar.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "cardioscar.selector" $ | nindent 6 }}
      app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}
