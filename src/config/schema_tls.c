/* schema_tls.c - the table of schema.c for TLS. */
#include "avow/config/config.h"
#include "rules.h"
#include "schema_rows.h"

/* Some fields are pointers, and their own size is meant: NOLINTBEGIN(bugprone-sizeof-expression) */

static const struct schema_key tls_keys[] = {
    {.name = "listen",
     .help =
         "Addresses to serve on by TLS, each with @ and a port; port 853 when left out. Without "
         "any there is no TLS.",
     .kind = SCHEMA_ADDRESS,
     .most = 853,
     LIST_INTO(config_tls, listen, listen_count)},
    {.name = "certificate-file",
     .help = "The certificate in PEM, followed by those that lead to its root. It is read again "
             "with a reload, together with the key; where the two do not fit, the old ones go on.",
     .kind = SCHEMA_PATH,
     .otherwise = "there is no TLS",
     INTO(config_tls, certificate_file)},
    {.name = "key-file",
     .help = "The certificate's private key in PEM, not encrypted. Only its owner may be able to "
             "read it.",
     .kind = SCHEMA_PATH,
     .otherwise = "there is no TLS",
     INTO(config_tls, key_file)},
    {.name = "client-ca-file",
     .help = "Certificates in PEM of the authorities that vouch for certificates of clients, for "
             "certificate-name in access lists. No client needs a certificate for queries.",
     .kind = SCHEMA_PATH,
     .otherwise = "clients are known by certificate-pin alone",
     INTO(config_tls, client_ca_file)},
    {.name = "clients",
     .help = "Connections that may be open at once. Once its handshake is done, one also counts "
             "among those of server.tcp, whose other limits hold for all.",
     .kind = SCHEMA_COUNT,
     .least = 1,
     .most = 100000,
     .fallback = "1000",
     INTO(config_tls, clients)},
};

/* NOLINTEND(bugprone-sizeof-expression) */

const struct schema_table schema_tls = {.what = "tls", TABLE(tls_keys), .check = rules_tls};
