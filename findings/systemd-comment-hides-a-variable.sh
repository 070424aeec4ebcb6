#!/bin/bash
# systemd 252 (Debian 12), 254 does it no more: a comment in an EnvironmentFile that ends with a backslash.
# Expected: a comment ends with its line.
# Seen: the line behind it is a comment, too; its variable is not set, and nothing says so.
# sm: `env_file` reads the line behind it, as 254 does.
. "$(dirname "$0")/common"
debs systemd=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2
mkdir -p "$here/units"
printf '%s\n' '# where it is: C:\temp\' 'FIRST=1' 'SECOND=2' > "$here/variables"
cat > "$here/units/variables.service" <<UNIT
[Service]
Type=oneshot
EnvironmentFile=$here/variables
ExecStart=/bin/sh -c 'echo "\${FIRST-unset} \${SECOND-unset}" > $here/seen'
UNIT
sed -i 's/\${/$${/g' "$here/units/variables.service"
systemd_starts variables.service
same "FIRST SECOND" "unset 2" "$(cat "$here/seen")"
