{{/* What every pod of the chart has in common: the restricted level of the Pod Security Standards, and no token. */}}
{{- define "cardioscar.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "cardioscar.container" -}}
imagePullPolicy: {{ .Values.images.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/* Labels of a pod. Takes (list $ component). A Job never ends beside a mesh's proxy, so Jobs and tests go without. */}}
{{- define "cardioscar.pod.labels" -}}
{{ include "cardioscar.labels" . }}
{{- if ne (index . 1) "mlflow" }}
sidecar.istio.io/inject: "false"
{{- end }}
{{- end -}}

{{/* Small requests for Jobs whose needs do not depend on the site. */}}
{{- define "cardioscar.job.resources" -}}
requests: {cpu: 100m, memory: 512Mi}
limits: {memory: 1Gi}
{{- end -}}

{{/* A hook that can run again: the Job of the last time is removed first, a failed one stays a day for its log. */}}
{{- define "cardioscar.hook" -}}
helm.sh/hook: {{ index . 0 }}
helm.sh/hook-weight: {{ index . 1 | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{/* One variable from a secret. Takes (list variable secret key). */}}
{{- define "cardioscar.env.secret" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
{{- end -}}

{{- define "cardioscar.env.python" -}}
- name: HOME
  value: /tmp
- name: PYTHONUNBUFFERED
  value: "1"
{{- end -}}

{{/* Secret with the object store's key of a role; empty for the identity of the pods. Takes (list $ role). */}}
{{- define "cardioscar.objectStore.secret" -}}
{{- with (index . 0).Values.objectStore.credentials -}}
{{- .existingSecret | default (index .roles (index $ 1)) -}}
{{- end -}}
{{- end -}}

{{/* Whether some role has no key: its pods ask for one at the identity service. */}}
{{- define "cardioscar.objectStore.identity" -}}
{{- with .Values.objectStore.credentials -}}
{{- if and (not .existingSecret) (has "" (values .roles)) }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* The object store's endpoint and key. Takes (list $ role). */}}
{{- define "cardioscar.env.objectStore" -}}
{{- $secret := include "cardioscar.objectStore.secret" . -}}
{{- with index . 0 -}}
- name: AWS_DEFAULT_REGION
  value: {{ .Values.objectStore.region }}
- name: AWS_RETRY_MODE
  value: adaptive
- name: AWS_MAX_ATTEMPTS
  value: "8"
{{- with .Values.objectStore.endpoint }}
- name: AWS_ENDPOINT_URL_S3
  value: {{ . }}
{{- end }}
{{- with .Values.objectStore.credentials }}
{{- if $secret }}
{{ include "cardioscar.env.secret" (list "AWS_ACCESS_KEY_ID" $secret .accessKeyKey) }}
{{ include "cardioscar.env.secret" (list "AWS_SECRET_ACCESS_KEY" $secret .secretKeyKey) }}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "cardioscar.env.database" -}}
{{- if eq .Values.database.kind "sqlite" -}}
- name: MLFLOW_BACKEND_STORE_URI
  value: sqlite:////data/mlflow.db
{{- else -}}
{{ include "cardioscar.env.secret" (list "MLFLOW_BACKEND_STORE_URI" .Values.database.existingSecret .Values.database.uriKey) }}
{{- end -}}
{{- end -}}
