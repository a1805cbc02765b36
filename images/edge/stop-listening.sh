#!/bin/sh
# Caddy closes its ports, by its own admin socket, and keeps the WebSockets that it has (`stream_close_delay`): the edge that took over gets the others.
exec perl -MIO::Socket::UNIX -e '
  my $admin = IO::Socket::UNIX->new(Peer => "/run/houseline/admin.sock") or die "no admin socket\n";
  print $admin "DELETE /config/apps/http HTTP/1.0\r\nHost: localhost\r\n\r\n";
  my $status = <$admin> // "no answer\n";
  die "stop-listening: $status" unless $status =~ / 200 /;
'
