#!/bin/sh
# The last step of a build: the command line answers, and a phantom goes through all stages to a report with 3D views.
set -eu
cd /tmp
cardioscar --version
cardioscar phantom cohort --subjects 1 --nodes 2000
cardioscar run cohort -o out --steps 60 --samples 3 --device cpu --tracking-uri off >run.txt 2>&1 || { cat run.txt; exit 1; }
cardioscar run cohort -o out --steps 60 --samples 3 --device cpu --tracking-uri off | grep '1 of 1 subject unchanged'
if grep -i 'could not be rendered' out/run.log; then exit 1; fi
ls out/results/*/figures/scene*.png
