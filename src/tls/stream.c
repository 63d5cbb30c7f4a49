/* stream.c - one TLS connection, and who is at its other end. */
#include "avow/tls/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { KEY_UPDATES_MOST = 16 /* in a row; they are due after millions of records */ };

struct tls_stream {
    SSL *ssl;
    unsigned key_updates; /* since there was data */
};

static void on_message(int sent, int version, int kind, const void *octets, size_t length, SSL *ssl,
                       void *context)
{
    struct tls_stream *stream = context;
    (void)version, (void)ssl;

    if (!sent && kind == SSL3_RT_HANDSHAKE && length > 0 &&
        *(const uint8_t *)octets == SSL3_MT_KEY_UPDATE)
        stream->key_updates++;
}

struct tls_stream *tls_stream_make(const struct tls_credentials *credentials, int descriptor)
{
    struct tls_stream *stream = calloc(1, sizeof *stream);

    if (stream)
        stream->ssl = SSL_new(credentials->context);
    if (!stream || !stream->ssl || !SSL_set_fd(stream->ssl, descriptor)) {
        tls_stream_free(stream);
        return NULL;
    }
    SSL_set_accept_state(stream->ssl);
    SSL_set_msg_callback(stream->ssl, on_message);
    SSL_set_msg_callback_arg(stream->ssl, stream);
    return stream;
}

void tls_stream_free(struct tls_stream *stream)
{
    if (stream)
        SSL_free(stream->ssl);
    free(stream);
}

/* ---- steps -----------------------------------------------------------------------------------*/

/* Errors stand in a queue of the thread, which must be empty before each call. */
static enum tls_step step_of(const struct tls_stream *stream, int result)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_NONE:
        return TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        return TLS_FAILED;
    }
}

enum tls_step tls_stream_shake(struct tls_stream *stream)
{
    ERR_clear_error();
    return step_of(stream, SSL_do_handshake(stream->ssl));
}

enum tls_fault tls_stream_fault(const struct tls_stream *stream, const char **words)
{
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    (void)stream;

    *words = reason ? reason : "the connection broke";
    switch (ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_VERSION_TOO_LOW:
        return TLS_FAULT_VERSION;
    case SSL_R_NO_APPLICATION_PROTOCOL:
        return TLS_FAULT_PROTOCOL;
    default:
        return TLS_FAULT_OTHER;
    }
}

enum tls_step tls_stream_read(struct tls_stream *stream, uint8_t *octets, size_t size,
                              size_t *length)
{
    ERR_clear_error();
    enum tls_step step = step_of(stream, SSL_read_ex(stream->ssl, octets, size, length));
    if (step == TLS_DONE)
        stream->key_updates = 0;
    return stream->key_updates > KEY_UPDATES_MOST ? TLS_FAILED : step;
}

enum tls_step tls_stream_write(struct tls_stream *stream, const uint8_t *octets, size_t size,
                               size_t *length)
{
    ERR_clear_error();
    return step_of(stream, SSL_write_ex(stream->ssl, octets, size, length));
}

/* Our half alone: 0 means that the client's is still to come. */
enum tls_step tls_stream_end(struct tls_stream *stream)
{
    ERR_clear_error();
    int result = SSL_shutdown(stream->ssl);
    return result >= 0 ? TLS_DONE : step_of(stream, result);
}

/* ---- who it is -------------------------------------------------------------------------------*/

bool tls_stream_is_dot(const struct tls_stream *stream)
{
    const unsigned char *protocol = NULL;
    unsigned int length = 0;

    SSL_get0_alpn_selected(stream->ssl, &protocol, &length);
    return length == 3 && memcmp(protocol, "dot", 3) == 0;
}

static bool take_pin(const X509 *certificate, uint8_t pin[TLS_PIN_OCTETS])
{
    unsigned char *octets = NULL;
    unsigned int size = TLS_PIN_OCTETS;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &octets);
    bool taken =
        length > 0 && EVP_Digest(octets, (size_t)length, pin, &size, EVP_sha256(), NULL) == 1;

    OPENSSL_free(octets);
    return taken;
}

/* A name as hosts have it, perhaps with a wildcard. An authority's bounds compare octets: what only
 * reads like another name, with an escape or a dot at its end, must not come to be that. */
static bool is_plain(const unsigned char *text, size_t length)
{
    static const char others[] = "-_.*";

    for (size_t i = 0; i < length; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
              (text[i] >= '0' && text[i] <= '9') || (text[i] && strchr(others, text[i]))))
            return false;
    return length > 0 && text[length - 1] != '.';
}

static void take_name(const GENERAL_NAME *name, struct tls_peer *peer)
{
    if (name->type != GEN_DNS || peer->name_count == TLS_NAMES)
        return;
    const unsigned char *text = ASN1_STRING_get0_data(name->d.dNSName);
    size_t length = (size_t)ASN1_STRING_length(name->d.dNSName);
    if (length >= TLS_NAME_OCTETS || !is_plain(text, length))
        return;
    memcpy(peer->names[peer->name_count], text, length);
    peer->names[peer->name_count++][length] = '\0';
}

static void take_names(const X509 *certificate, struct tls_peer *peer)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        take_name(sk_GENERAL_NAME_value(names, i), peer);
    GENERAL_NAMES_free(names);
}

static enum tls_verdict verdict_of(long code)
{
    switch (code) {
    case X509_V_OK:
        return TLS_VOUCHED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return TLS_VOUCHED_BY_NOBODY;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_VOUCHED_TOO_EARLY;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TLS_VOUCHED_TOO_LATE;
    default:
        return TLS_VOUCHED_BADLY;
    }
}

void tls_stream_peer(const struct tls_stream *stream, struct tls_peer *peer)
{
    X509 *certificate = SSL_get0_peer_certificate(stream->ssl);

    *peer = (struct tls_peer){.given = false};
    if (!certificate || !take_pin(certificate, peer->pin))
        return;
    peer->given = true;
    peer->verdict = verdict_of(SSL_get_verify_result(stream->ssl));
    if (peer->verdict == TLS_VOUCHED)
        take_names(certificate, peer);
    ERR_clear_error();
}
