#!/bin/sh
# Makes sentiment-en-large as large/ in the folder, with the recipe of sentiment-en.
exec "$(dirname "$0")/../sentiment-en/recipe.sh" "$@"
