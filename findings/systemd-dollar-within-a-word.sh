#!/bin/bash
# systemd 252 (Debian 12): $NAME in an ExecStart, without braces, as a part of a word.
# Expected: its value, as for $NAME alone and as in a shell.
# Seen: in "--home=$HOME" nothing is put in, the program gets the dollar sign; "$HOME/x" is no argument at all, without a
# word. Quotes do not help: "$NAME" in double quotes is still split into words.
# sm: `smctl import` does the same, and says what is left out.
. "$(dirname "$0")/common"
debs systemd=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2
mkdir -p "$here/units"
cat > "$here/units/words.service" <<UNIT
[Service]
Type=oneshot
Environment="WORDS=a b"
ExecStart=/usr/bin/python3 -c 'import sys; open("$here/words", "w").write("|".join(sys.argv[1:]))' --x=\$WORDS \$WORDS/x end
ExecStart=/usr/bin/python3 -c 'import sys; open("$here/quoted", "w").write("|".join(sys.argv[1:]))' "\$WORDS" \${WORDS}
UNIT
systemd_starts words.service
same '--x=$WORDS $WORDS/x end' '--x=$WORDS|end' "$(cat "$here/words")"
same '"$WORDS" ${WORDS}' 'a|b|a b' "$(cat "$here/quoted")"
