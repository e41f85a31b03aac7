{{/* Reference of an image; a digest wins over a tag. Takes (list $ name suffix-of-the-default-tag). */}}
{{- define "cardioscar.image" -}}
{{- $ := index . 0 -}}
{{- $image := index $.Values.images (index . 1) -}}
{{- $repository := $image.repository -}}
{{- with $.Values.images.registry }}{{ $repository = printf "%s/%s" (trimSuffix "/" .) $repository }}{{ end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default (printf "%s%s" $.Chart.AppVersion (index . 2)) $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "cardioscar.image.stage" -}}{{ include "cardioscar.image" (list . "stage" "-cpu") }}{{- end -}}
{{- define "cardioscar.image.train" -}}{{ include "cardioscar.image" (list . "train" "-cuda") }}{{- end -}}
{{- define "cardioscar.image.mlflow" -}}{{ include "cardioscar.image" (list . "mlflow" "") }}{{- end -}}
