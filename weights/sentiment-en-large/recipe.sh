#!/bin/sh
# Makes sentiment-en-large anew, as large/ in the folder: the same recipe makes sentiment-en.
exec "$(dirname "$0")/../sentiment-en/recipe.sh" "$@"
