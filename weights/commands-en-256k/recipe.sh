#!/bin/sh
# Makes commands-en-256k as 256k/ in the folder, with the recipe of commands-en.
exec "$(dirname "$0")/../commands-en/recipe.sh" "$@"
