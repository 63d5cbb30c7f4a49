; example.com - the larger of the example zones: one of everything that a zone usually holds.
;
; Try it:  dig @127.0.0.1 -p 5300 +dnssec www.example.com A

$ORIGIN example.com.
$TTL 1h

@               IN SOA  ns1 hostmaster (
                        2024010101 ; serial
                        2h         ; refresh
                        30m        ; retry
                        2w         ; expire
                        10m )      ; minimum: how long "there is no such name" is remembered

                NS      ns1
                NS      ns2.example.net.
                MX      10 mail
                MX      20 mail.example.net.
                A       192.0.2.80
                AAAA    2001:db8::80
                TXT     "v=spf1 mx -all"
                CAA     0 issue "ca.example.net"
                CAA     0 iodef "mailto:security@example.com"
                HTTPS   1 . alpn=h2,h3 ipv4hint=192.0.2.80 ipv6hint=2001:db8::80

; ---- hosts ---------------------------------------------------------------------------------
ns1             A       192.0.2.53
                AAAA    2001:db8::53
mail            A       192.0.2.25
                AAAA    2001:db8::25
                SSHFP   4 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
www             A       192.0.2.80
                A       192.0.2.81
                AAAA    2001:db8::80
                AAAA    2001:db8::81
printer 5m      A       192.0.2.90              ; a TTL of its own
museum          LOC     52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m

; ---- aliases -------------------------------------------------------------------------------
shop            CNAME   www
store           CNAME   shop                    ; a chain: store -> shop -> www
docs            CNAME   www.example.net.        ; its target is in another zone served here
dangling        CNAME   nobody                  ; its target does not exist
old             DNAME   new                     ; everything below old is found below new
printer.new     A       192.0.2.90
*.new           TXT     "whatever was below old"

; ---- services ------------------------------------------------------------------------------
_submission._tcp        SRV     0 1 587 mail
_imaps._tcp             SRV     0 1 993 mail
_pop3s._tcp             SRV     0 0 0 .         ; not offered
_dmarc                  TXT     "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"
_25._tcp.mail           TLSA    3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
api             HTTPS   0 www
dns             A       192.0.2.53
_dns.dns        SVCB    1 dns alpn=dot port=853
sip             NAPTR   10 100 "s" "SIP+D2U" "" _sip._udp
_sip._udp       SRV     0 1 5060 mail

; ---- wildcards -----------------------------------------------------------------------------
*.wild          A       192.0.2.99
                TXT     "made up on demand"
known.wild      A       192.0.2.98              ; exists, so the wildcard is not asked
*.alias         CNAME   www

; ---- empty non-terminals: deep and is.deep have no records, but exist ------------------------
here.is.deep    A       192.0.2.77

; ---- names with unusual octets -------------------------------------------------------------
john\.doe       TXT     "a dot inside a label"
with\032space   TXT     "a space"
\000zero        TXT     "a label that begins with octet zero"
semi\;colon     TXT     "quoted \"text\" and a backslash \\"
MixedCase       TXT     "letter case is kept in answers and ignored in questions"

; ---- delegations ---------------------------------------------------------------------------
sub             NS      ns.sub                  ; signed, and served here too
ns.sub          A       192.0.2.53              ; glue
                AAAA    2001:db8::53
secure          NS      ns1.secure              ; signed, served elsewhere
                NS      ns2.example.net.
                DS      60485 13 2 d4b7d520e7bb5f0f67674a0ccceb1e3e0614b93c4f9e99b8383f6a1e4469da50
ns1.secure      A       198.51.100.1
                AAAA    2001:db8:1::1
insecure        NS      ns1.insecure            ; not signed
                NS      ns2.insecure
ns1.insecure    A       198.51.100.2
ns2.insecure    A       198.51.100.3
partner         NS      ns1.secure              ; glue of a sibling
                NS      ns2.example.net.

; ---- types known only by number (RFC 3597) -------------------------------------------------
unknown         TYPE65280 \# 4 c0000201
