#!/bin/sh
# Makes commands-en-256k anew, as 256k/ in the folder: the same recipe makes commands-en.
exec "$(dirname "$0")/../commands-en/recipe.sh" "$@"
