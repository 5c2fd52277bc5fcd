#!/bin/sh
# Greets whoever /etc/hello.conf names.
. /etc/hello.conf
echo "hello, ${WHO:-world}"
