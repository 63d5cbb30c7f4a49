/* internal.h - what credentials and streams know of each other. Private to tls. */
#ifndef AVOW_SRC_TLS_INTERNAL_H
#define AVOW_SRC_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "avow/tls/credentials.h"

struct tls_credentials {
    SSL_CTX *context;
    uint64_t begin, end; /* of the certificate, in seconds since 1970 */
};

#endif
