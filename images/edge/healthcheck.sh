#!/bin/sh
# Asks this Caddy, by its own admin socket: the port may be answered by the edge that it takes over from.
# One that was told to go serves who is there to the end.
# Docker's own ("stay"): a process begun in a container takes Docker more than the look. Once all was well, one stays and looks each second.
[ ! -e /run/houseline/draining ] || exit 0
exec perl -MIO::Socket::UNIX -e '
  my $well = "/run/houseline/well";
  sub ask {
    my ($what, $socket, $path) = @_;
    my $asked = IO::Socket::UNIX->new(Peer => $socket) or die "no $what\n";
    print $asked "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";
    my $status = <$asked> // "no answer of the $what\n";
    die $status unless $status =~ / 200 /;
  }
  sub look {
    return if -e "/run/houseline/draining";
    local $SIG{ALRM} = sub { die "no answer in 3 s\n" };
    alarm 3;
    ask("admin socket", "/run/houseline/admin.sock", "/config/apps/http/servers");
    ask("gate", "/run/houseline/gate.sock", "/healthz") if $ENV{HOUSELINE_EDGE} eq "switch";
    alarm 0;
  }
  eval {
    look;
    if (@ARGV) {
      my $until = time + 8;
      while (-e $well && time < $until) { sleep 1; look }
      open my $mark, ">", $well;
    }
    1;
  } or do { unlink $well; die $@ };
' "$@"
