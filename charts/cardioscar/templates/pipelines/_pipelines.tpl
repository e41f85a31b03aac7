{{/* The compiled pipelines as files of a ConfigMap. Their default images become those of this release, so that the run
     form of an air-gapped cluster offers what the cluster can pull. */}}
{{- define "cardioscar.pipelines" -}}
{{- $files := dict -}}
{{- range $path, $_ := .Files.Glob "files/pipelines/*.yaml" }}
{{- $text := $.Files.Get $path -}}
{{- $text = regexReplaceAllLiteral "defaultValue: cardioscar:[^\\s'\"]+-cpu" $text (printf "defaultValue: %s" (include "cardioscar.image.stage" $)) -}}
{{- $text = regexReplaceAllLiteral "defaultValue: cardioscar:[^\\s'\"]+-cuda" $text (printf "defaultValue: %s" (include "cardioscar.image.train" $)) -}}
{{- $_ := set $files (base $path) $text -}}
{{- end }}
{{- toYaml $files -}}
{{- end -}}

{{- define "cardioscar.pipelines.version" -}}
{{- .Values.pipelines.upload.version | default (printf "%s-%s" .Chart.AppVersion (include "cardioscar.pipelines" . | sha256sum | trunc 8)) -}}
{{- end -}}
