{{/* Combinations of values that the schema cannot express. Rendered by checks.yaml, before anything else fails obscurely. */}}
{{- define "cardioscar.checks" -}}
{{- $v := .Values -}}
{{- if not (regexMatch "^[a-z]" (include "cardioscar.fullname" .)) }}{{ fail (printf "release name %s: a Service's name starts with a letter; choose another name or set fullnameOverride" .Release.Name) }}{{ end -}}
{{- range $label, $_ := $v.commonLabels }}
{{- if regexMatch "^(app\\.kubernetes\\.io|helm\\.sh|sidecar\\.istio\\.io)/" $label }}{{ fail (printf "commonLabels: %s is set by the chart; choose another label" $label) }}{{ end -}}
{{- end }}
{{- range $name, $image := $v.images }}
{{- if kindIs "map" $image }}
{{- if and (eq $image.tag "latest") (not $image.digest) }}{{ fail (printf "images.%s.tag: latest is not a pinned version; give a version or a digest" $name) }}{{ end -}}
{{- end }}
{{- end }}
{{- if $v.mlflow.enabled }}
{{- if eq $v.database.kind "sqlite" }}
{{- if ne (int $v.mlflow.replicas) 1 }}{{ fail (printf "mlflow.replicas: sqlite serves exactly 1 pod, found %v; use database.kind postgresql for more" $v.mlflow.replicas) }}{{ end -}}
{{- else }}
{{- if not $v.database.existingSecret }}{{ fail "database.existingSecret: postgresql needs the secret with its URI; name it, or set database.kind to sqlite for a trial" }}{{ end -}}
{{- end }}
{{- if and $v.mlflow.ingress.enabled (not $v.mlflow.ingress.host) }}{{ fail "mlflow.ingress.host: an Ingress needs a host name" }}{{ end -}}
{{- if and $v.mlflow.ingress.enabled $v.networkPolicy.enabled (not $v.networkPolicy.mlflowClients) }}{{ fail "networkPolicy.mlflowClients: name the ingress controller's pods or namespace, or the Ingress reaches nothing" }}{{ end -}}
{{- if and $v.mlflow.metrics.serviceMonitor.enabled (not $v.mlflow.metrics.enabled) }}{{ fail "mlflow.metrics.enabled: a ServiceMonitor needs the metrics; set it to true" }}{{ end -}}
{{- if and $v.mlflow.metrics.serviceMonitor.enabled $v.networkPolicy.enabled (not $v.networkPolicy.metricsClients) }}{{ fail "networkPolicy.metricsClients: name Prometheus' pods or namespace, or the ServiceMonitor reaches nothing" }}{{ end -}}
{{- with $v.mlflow.auth }}
{{- if and .client.create (eq .client.existingSecret .admin.existingSecret) }}{{ fail (printf "mlflow.auth.client.existingSecret: %s is the administrator's; give stages a user of their own, or set mlflow.auth.client.create to false" .client.existingSecret) }}{{ end -}}
{{- end }}
{{- if $v.mlflow.externalUri }}{{ fail "mlflow.externalUri: is for mlflow.enabled false; one of the two" }}{{ end -}}
{{- else }}
{{- if or $v.mlflow.ingress.enabled $v.mlflow.metrics.serviceMonitor.enabled }}{{ fail "mlflow.enabled: Ingress and ServiceMonitor need the server; set it to true, or disable them" }}{{ end -}}
{{- end }}
{{- if and (not $v.mlflow.serviceAccount.create) $v.mlflow.serviceAccount.annotations }}{{ fail "mlflow.serviceAccount.annotations: go with mlflow.serviceAccount.create true; annotate a ServiceAccount of your own yourself" }}{{ end -}}
{{- with $v.objectStore.init.policy }}
{{- if and .enabled $v.objectStore.init.enabled }}
{{- if not .principals.stages }}{{ fail "objectStore.init.policy.principals.stages: a policy needs the ARNs of the stages" }}{{ end -}}
{{- if and $v.mlflow.enabled (not .principals.mlflow) }}{{ fail "objectStore.init.policy.principals.mlflow: a policy needs the ARNs of the MLflow server" }}{{ end -}}
{{- if and .requireTls (hasPrefix "http://" $v.objectStore.endpoint) }}{{ fail (printf "objectStore.init.policy.requireTls: would shut out the endpoint %s; use https, or set it to false" $v.objectStore.endpoint) }}{{ end -}}
{{- end }}
{{- end }}
{{- with $v.objectStore.credentials }}
{{- $named := without (values .roles) "" }}
{{- if and (not .existingSecret) (ne (len ($named | uniq)) (len $named)) }}{{ fail "objectStore.credentials.roles: three different secrets; set objectStore.credentials.existingSecret for one key that opens everything" }}{{ end -}}
{{- end }}
{{- $buckets := values $v.objectStore.buckets -}}
{{- if ne (len ($buckets | uniq)) (len $buckets) }}{{ fail "objectStore.buckets: three different names; a shared bucket would let stages read MLflow's artifacts" }}{{ end -}}
{{- if and $v.networkPolicy.restrictRuns (not $v.networkPolicy.enabled) }}{{ fail "networkPolicy.restrictRuns: goes with networkPolicy.enabled true" }}{{ end -}}
{{- if $v.pipelines.upload.enabled }}
{{- $size := 0 -}}
{{- range $path, $_ := .Files.Glob "files/pipelines/*.yaml" }}{{ $size = add $size (len ($.Files.Get $path)) }}{{ end -}}
{{- if gt (int $size) 1000000 }}{{ fail (printf "files/pipelines: %v bytes, but a ConfigMap holds 1 MiB; set pipelines.upload.enabled to false and upload them by hand" $size) }}{{ end -}}
{{- end }}
{{- end -}}
