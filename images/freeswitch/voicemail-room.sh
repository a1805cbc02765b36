#!/bin/bash
# Prints "room" while the disk of the messages has 200 MB free (conf/dialplan/voicemail-steps.xml).
read -r blocks size < <(stat -f -c '%a %S' /var/lib/houseline/voicemail) || exit 1
[ $((blocks * size)) -gt $((200 << 20)) ] && echo room
