/* credentials.c - PEM to what a TLS server is made of, and the few things that it offers. */
#include "avow/tls/credentials.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "avow/base/clock.h"
#include "internal.h"

enum {
    SECRET_HEAP_OCTETS = 64 * 1024, /* for the certificate's key, before a reload and after it */
    SECRET_LEAST_OCTETS = 32,
    SECRET_STREAM_OCTETS = 64, /* of its key exchange, which OpenSSL keeps as long as the stream */
    CLIENT_CHAIN_OCTETS = 16 * 1024, /* of certificates that a client may send */
    CLIENT_CHAIN_DEPTH = 4,
    CHAIN_MOST = 10
};

/* Key exchanges that cost little: that of finite fields would cost a hundred times as much. */
static const char groups[] = "X25519:P-256:P-384";
static const unsigned char dot[] = {3, 'd', 'o', 't'};

bool tls_memory_open(uint32_t streams)
{
    size_t needed = SECRET_HEAP_OCTETS + (size_t)SECRET_STREAM_OCTETS * streams;
    size_t octets = SECRET_HEAP_OCTETS;

    while (octets < needed) /* OpenSSL wants a power of two */
        octets *= 2;
    return CRYPTO_secure_malloc_init(octets, SECRET_LEAST_OCTETS) == 1;
}

/* ---- what is offered -------------------------------------------------------------------------*/

/* Who offers protocols, and not this one, wants something else (RFC 7301 section 3.2). */
static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *length,
                           const unsigned char *offered, unsigned int offered_length, void *unused)
{
    unsigned char *found;
    (void)ssl, (void)unused;

    if (SSL_select_next_proto(&found, length, dot, sizeof dot, offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

/* Nobody is turned away for his certificate: what it is worth is noted, and access lists judge. */
static int note_verification(X509_STORE_CTX *store, void *unused)
{
    (void)unused;

    if (X509_verify_cert(store) <= 0 && X509_STORE_CTX_get_error(store) == X509_V_OK)
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
    ERR_clear_error(); /* or the handshake is taken to be broken when more of it is to come */
    return 1;
}

static bool set_up(SSL_CTX *context)
{
    SSL_CTX_set_options(context,
                        SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                            SSL_OP_IGNORE_UNEXPECTED_EOF); /* DNS messages say how long they are */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    /* One record at a time: who sends those without data does not keep us. */
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_max_cert_list(context, CLIENT_CHAIN_OCTETS);
    SSL_CTX_set_verify_depth(context, CLIENT_CHAIN_DEPTH);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, note_verification, NULL);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) &&
           SSL_CTX_set_num_tickets(context, 0) && SSL_CTX_set1_groups_list(context, groups);
}

/* ---- PEM -------------------------------------------------------------------------------------*/

/* What is encrypted cannot be used: nobody is there to be asked. */
static int no_password(char *place, int size, int writing, void *unused)
{
    (void)place, (void)size, (void)writing, (void)unused;
    return -1;
}

static X509 *read_certificate(BIO *bio)
{
    return PEM_read_bio_X509(bio, NULL, no_password, NULL);
}

/* Whether nothing went wrong but that there was no more. */
static bool is_at_end(void)
{
    unsigned long error = ERR_peek_last_error();
    bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;

    ERR_clear_error();
    return at_end;
}

static uint64_t seconds_of(const ASN1_TIME *text)
{
    struct tm time;

    if (!ASN1_TIME_to_tm(text, &time))
        return 0;
    time_t seconds = timegm(&time);
    return seconds > 0 ? (uint64_t)seconds : 0;
}

static const char *take_chain(struct tls_credentials *credentials, BIO *bio)
{
    X509 *certificate = read_certificate(bio);

    if (!certificate)
        return "the certificate is no certificate in PEM";
    int taken = SSL_CTX_use_certificate(credentials->context, certificate);
    credentials->begin = seconds_of(X509_get0_notBefore(certificate));
    credentials->end = seconds_of(X509_get0_notAfter(certificate));
    X509_free(certificate);
    if (taken != 1)
        return "the certificate cannot be used";
    for (unsigned i = 0; (certificate = read_certificate(bio)); i++) {
        if (i == CHAIN_MOST || !SSL_CTX_add0_chain_cert(credentials->context, certificate)) {
            X509_free(certificate);
            return "the chain behind the certificate cannot be used";
        }
    }
    return is_at_end() ? NULL : "what stands behind the certificate is no certificate in PEM";
}

static const char *take_key(struct tls_credentials *credentials, BIO *bio)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);

    if (!key)
        return "the key is no private key in PEM, or is encrypted";
    int taken = SSL_CTX_use_PrivateKey(credentials->context, key);
    EVP_PKEY_free(key);
    if (taken != 1 || SSL_CTX_check_private_key(credentials->context) != 1)
        return "the key does not belong to the certificate";
    return NULL;
}

/* Clients are not told who they are: whose certificate is known by its pin would not show it. */
static const char *take_authorities(struct tls_credentials *credentials, BIO *bio)
{
    X509_STORE *store = SSL_CTX_get_cert_store(credentials->context);
    X509 *certificate;
    unsigned count = 0;

    while ((certificate = read_certificate(bio))) {
        int taken = X509_STORE_add_cert(store, certificate);
        X509_free(certificate);
        if (!taken)
            return "an authority of clients cannot be used";
        count++;
    }
    return count && is_at_end() ? NULL : "the authorities of clients are no certificates in PEM";
}

typedef const char *take(struct tls_credentials *credentials, BIO *bio);

static const char *take_text(struct tls_credentials *credentials, take *take_it,
                             const uint8_t *octets, size_t length)
{
    BIO *bio = BIO_new_mem_buf(octets ? octets : (const uint8_t *)"", octets ? (int)length : 0);

    if (!bio)
        return "memory ran out";
    ERR_clear_error();
    const char *problem = take_it(credentials, bio);
    BIO_free(bio);
    return problem;
}

static const char *take_all(struct tls_credentials *credentials, const struct config_tls *tls)
{
    const char *problem =
        take_text(credentials, take_chain, tls->certificate, tls->certificate_length);

    if (!problem)
        problem = take_text(credentials, take_key, tls->key, tls->key_length);
    if (!problem && tls->client_ca)
        problem = take_text(credentials, take_authorities, tls->client_ca, tls->client_ca_length);
    return problem;
}

/* ---- make and free ---------------------------------------------------------------------------*/

static void tell(char problem[TLS_PROBLEM_OCTETS], const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    (void)snprintf(problem, TLS_PROBLEM_OCTETS, "%s%s%s%s", what, reason ? " (" : "",
                   reason ? reason : "", reason ? ")" : "");
    ERR_clear_error();
}

enum result tls_credentials_make(struct tls_credentials **credentials, const struct config_tls *tls,
                                 char problem[TLS_PROBLEM_OCTETS])
{
    struct tls_credentials *made = calloc(1, sizeof *made);

    problem[0] = '\0';
    *credentials = NULL;
    if (made)
        made->context = SSL_CTX_new(TLS_server_method());
    if (!made || !made->context || !set_up(made->context)) {
        tell(problem, "memory ran out, or OpenSSL lacks TLS 1.3");
        tls_credentials_free(made);
        return RESULT_SYSTEM;
    }
    const char *wrong = take_all(made, tls);
    if (wrong) {
        tell(problem, wrong);
        tls_credentials_free(made);
        return RESULT_FORMAT;
    }
    *credentials = made;
    return RESULT_OK;
}

static void say(struct complaints *complaints, const char *file, enum complaint_weight weight,
                const char *what)
{
    char text[TLS_PROBLEM_OCTETS + 16];
    const struct complaint complaint = {.weight = weight, .file = file, .what = text};

    (void)snprintf(text, sizeof text, "server.tls: %s", what);
    complain(complaints, &complaint);
}

enum result tls_credentials_check(const struct config_tls *tls, const char *file,
                                  struct complaints *complaints)
{
    struct tls_credentials *credentials;
    char problem[TLS_PROBLEM_OCTETS];
    uint64_t now = clock_wall_seconds();

    if (tls->listen_count == 0)
        return RESULT_OK;
    enum result result = tls_credentials_make(&credentials, tls, problem);
    if (result)
        say(complaints, file, COMPLAINT_ERROR, problem);
    else if (credentials->end <= now)
        say(complaints, file, COMPLAINT_WARNING,
            "the certificate has ended: clients that check it stay away");
    else if (credentials->begin > now)
        say(complaints, file, COMPLAINT_WARNING,
            "the certificate is not valid yet: clients that check it stay away");
    tls_credentials_free(credentials);
    return result;
}

void tls_credentials_free(struct tls_credentials *credentials)
{
    if (credentials)
        SSL_CTX_free(credentials->context);
    free(credentials);
}

uint64_t tls_credentials_end(const struct tls_credentials *credentials)
{
    return credentials->end;
}
