#!/bin/bash
# The certificate of TURN over TLS, as HAProxy reads it: chain, then key.
#   certificate.sh put     writes /run/houseline/tls.pem as it is to be now
#   certificate.sh follow  goes on looking, and gives HAProxy what is new while connections stay
set -eu
secrets=/run/secrets
pem=/run/houseline/tls.pem
name=$HOUSELINE_TURN_SITE
case $name in *[!0-9.]*) san=DNS:$name ;; *) san=IP:$name ;; esac

key_pair() { openssl req "$@" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/key" -subj "/CN=${name:0:60}" 2> /dev/null; }
make() {
  case $HOUSELINE_TLS in
    files) cat $secrets/tls-certificate; echo; cat $secrets/tls-key ;;
    private)
      key_pair -new -out "$work/request"
      openssl x509 -req -in "$work/request" -CA $secrets/tls-intermediate -CAkey $secrets/tls-intermediate-key -set_serial "0x$(openssl rand -hex 15)" -days 7 -sha256 \
        -extfile <(printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n' "$san") -out "$work/leaf" 2> /dev/null
      cat "$work/leaf" $secrets/tls-intermediate "$work/key" ;;
    acme)
      # As the edge of this host got it. (Caddy, "Storage": certificates/ISSUER/NAME/NAME.crt)
      local found
      found=$(ls -t /var/lib/houseline/certificates/certificates/*/"$name/$name.crt" 2> /dev/null | head -1)
      if [ -n "$found" ]; then cat "$found"; echo; cat "${found%.crt}.key"
      elif [ -s $pem ]; then cat $pem
      else stand_in; fi ;;
  esac
}
# Until the edge has its own: HAProxy needs one to begin with, and nobody's browser takes this one.
stand_in() { key_pair -x509 -days 1 -addext "subjectAltName=$san" -out "$work/leaf" && cat "$work/leaf" "$work/key"; }
put() {
  work=$(mktemp -d /run/houseline/certificate.XXXXXX)
  make > "$work/pem" && mv "$work/pem" $pem || { rm -r "$work"; return 1; }
  rm -r "$work"
}
# (HAProxy Management Guide, "set ssl cert"; an empty line ends what is given)
give() {
  local answer line
  answer=$( { printf 'set ssl cert %s <<\n' $pem; while read -r line; do [ -z "$line" ] || echo "$line"; done < $pem; echo; } | socat -t 2 - UNIX-CONNECT:/run/houseline/haproxy.sock
    echo "commit ssl cert $pem" | socat -t 5 - UNIX-CONNECT:/run/houseline/haproxy.sock)
  case $answer in *Success*) echo "houseline: a new certificate for $name" ;; *) echo "houseline: HAProxy did not take the certificate: ${answer//$'\n'/ }" >&2; return 1 ;; esac
}

umask 077
case $1 in
  put) put ;;
  follow)
    given=$(openssl x509 -in $pem -noout -fingerprint)
    for ((looks = 1; ; looks++)); do
      sleep "${HOUSELINE_CERTIFICATE_SECONDS:-60}"
      case $HOUSELINE_TLS in
        # Of a week, and a new one each day.
        private) [ $((looks % 1440)) = 0 ] && put && give || true ;;
        acme)
          put || continue
          now=$(openssl x509 -in $pem -noout -fingerprint)
          # One that came between the edge's writing of certificate and key is refused, and given again whole.
          [ "$now" = "$given" ] || { give && given=$now; } || true ;;
      esac
    done ;;
esac
