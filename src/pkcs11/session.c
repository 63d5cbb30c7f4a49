/* session.c - sessions: opened, logged in once, and signing. */
#include "avow/pkcs11/session.h"

#include <string.h>

#include "cryptoki.h"

enum result pkcs11_session_open(struct pkcs11_session *session, const struct pkcs11_module *module,
                                const struct pkcs11_token *token, enum pkcs11_access access)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | (access == PKCS11_READ_WRITE ? CKF_RW_SESSION : 0);

    *session = (struct pkcs11_session){.module = module, .token = *token, .access = access};
    CK_RV code = cryptoki(module)->C_OpenSession(token->slot, flags, NULL, NULL, &session->handle);
    if (code != CKR_OK)
        return pkcs11_fail_token(&session->failure, token, code, "cannot open a %s session",
                                 access == PKCS11_READ_WRITE ? "read-write" : "read-only");
    session->open = true;
    return RESULT_OK;
}

void pkcs11_session_close(struct pkcs11_session *session)
{
    if (session->open)
        cryptoki(session->module)->C_CloseSession(session->handle);
    session->open = false;
}

/* The token's own word on its PIN, as it is now. */
static enum result check_pin_state(struct pkcs11_session *session, CK_FLAGS *flags)
{
    CK_TOKEN_INFO info;

    CK_RV code = cryptoki(session->module)->C_GetTokenInfo(session->token.slot, &info);
    if (code != CKR_OK)
        return pkcs11_fail_token(&session->failure, &session->token, code,
                                 "cannot ask about its PIN");
    *flags = info.flags;
    if (!(info.flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY)))
        return RESULT_OK;
    pkcs11_refuse_token(&session->failure, &session->token,
                        info.flags & CKF_USER_PIN_LOCKED
                            ? "its PIN is locked; unlock it with the SO PIN"
                            : "one more wrong PIN would lock it, so it is not tried; log in once "
                              "with another tool, such as pkcs11-tool --login");
    session->failure.trouble = PKCS11_TROUBLE_PIN;
    return RESULT_TOKEN;
}

enum result pkcs11_session_login(struct pkcs11_session *session, const struct pkcs11_pin *pin)
{
    CK_FLAGS flags = 0;
    CK_SESSION_INFO info;

    CK_RV code = cryptoki(session->module)->C_GetSessionInfo(session->handle, &info);
    if (code != CKR_OK)
        return pkcs11_fail_token(&session->failure, &session->token, code,
                                 "cannot ask about its session");
    if (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS)
        return RESULT_OK;
    enum result result = check_pin_state(session, &flags);
    if (result || !(flags & CKF_LOGIN_REQUIRED))
        return result;

    bool own_pad = (flags & CKF_PROTECTED_AUTHENTICATION_PATH) && (!pin || pin->length == 0);
    if (!own_pad && (!pin || pin->length == 0)) {
        pkcs11_refuse_token(&session->failure, &session->token,
                            "it wants a PIN and none is configured");
        session->failure.trouble = PKCS11_TROUBLE_PIN;
        return RESULT_TOKEN;
    }
    code = cryptoki(session->module)
               ->C_Login(session->handle, CKU_USER, own_pad ? NULL : (CK_UTF8CHAR *)pin->octets,
                         own_pad ? 0 : pin->length);
    if (code == CKR_OK || code == CKR_USER_ALREADY_LOGGED_IN)
        return RESULT_OK;
    return pkcs11_fail_token(&session->failure, &session->token, code, "login failed%s",
                             pkcs11_code_trouble(code) == PKCS11_TROUBLE_PIN
                                 ? " (tried once, and not again by itself)"
                                 : "");
}

/* What stands before the digest in PKCS #1 v1.5 (RFC 8017 section 9.2, note 1). */
enum { DIGEST_INFO_OCTETS = 19, DIGEST_INFO_LARGEST = DIGEST_INFO_OCTETS + 64 };
static const uint8_t sha256_info[DIGEST_INFO_OCTETS] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                                        0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                        0x01, 0x05, 0x00, 0x04, 0x20};
static const uint8_t sha512_info[DIGEST_INFO_OCTETS] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                                        0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                        0x03, 0x05, 0x00, 0x04, 0x40};

/* What C_Sign gets: the input itself, or for CKM_RSA_PKCS a DigestInfo made in `place`. */
static struct pkcs11_octets prepare(const struct pkcs11_scheme *scheme, struct pkcs11_octets input,
                                    uint8_t place[DIGEST_INFO_LARGEST])
{
    if (scheme->sign_mechanism != CKM_RSA_PKCS)
        return input;
    memcpy(place, scheme->digest_octets == 32 ? sha256_info : sha512_info, DIGEST_INFO_OCTETS);
    memcpy(place + DIGEST_INFO_OCTETS, input.octets, input.length);
    return (struct pkcs11_octets){.octets = place, .length = DIGEST_INFO_OCTETS + input.length};
}

/* Move `length` octets to the end of a field of `width` and fill up with zeros in front. */
static void pad_left(uint8_t *field, const uint8_t *octets, size_t length, size_t width)
{
    memmove(field + width - length, octets, length);
    memset(field, 0, width - length);
}

/* Some tokens drop leading zeros: of both halves of an ECDSA signature alike, or of an RSA number.
 * False when it is of no length that a signature of this key could have. */
static bool widen(const struct pkcs11_key *key, uint8_t *signature, size_t length)
{
    size_t width = key->signature_octets;

    if (length == width)
        return true;
    if (length == 0 || length > width || key->scheme.sign_mechanism == CKM_EDDSA)
        return false;
    if (key->scheme.sign_mechanism != CKM_ECDSA) {
        pad_left(signature, signature, length, width);
        return true;
    }
    if (length % 2)
        return false;
    pad_left(signature + width / 2, signature + length / 2, length / 2, width / 2);
    pad_left(signature, signature, length / 2, width / 2);
    return true;
}

static enum result sign_failed(struct pkcs11_session *session, const struct pkcs11_key *key,
                               CK_RV code)
{
    char text[256];

    return pkcs11_fail_token(&session->failure, &session->token, code,
                             "cannot sign with key %s, %s",
                             pkcs11_key_name_text(&key->name, text, sizeof(text)),
                             pkcs11_algorithm_name(key->scheme.algorithm));
}

enum result pkcs11_sign(struct pkcs11_session *session, const struct pkcs11_key *key,
                        unsigned long handle, struct pkcs11_octets input, uint8_t *signature)
{
    const struct pkcs11_scheme *scheme = &key->scheme;
    CK_MECHANISM mechanism = {.mechanism = scheme->sign_mechanism};
    CK_ULONG length = PKCS11_SIGNATURE_OCTETS;
    uint8_t place[DIGEST_INFO_LARGEST];

    if (scheme->input == PKCS11_INPUT_DIGEST && input.length != scheme->digest_octets)
        return pkcs11_refuse_token(&session->failure, &session->token,
                                   "a digest of %zu octets does not go with %s", input.length,
                                   pkcs11_algorithm_name(scheme->algorithm));
    struct pkcs11_octets data = prepare(scheme, input, place);
    CK_RV code = cryptoki(session->module)->C_SignInit(session->handle, &mechanism, handle);
    if (code == CKR_OK)
        code =
            cryptoki(session->module)
                ->C_Sign(session->handle, (CK_BYTE *)data.octets, data.length, signature, &length);
    if (code != CKR_OK)
        return sign_failed(session, key, code);
    if (!widen(key, signature, length)) {
        pkcs11_refuse_token(&session->failure, &session->token,
                            "it gave a signature of %lu octets where %s has %zu", length,
                            pkcs11_algorithm_name(scheme->algorithm), key->signature_octets);
        session->failure.trouble = PKCS11_TROUBLE_OPERATION;
        return RESULT_TOKEN;
    }
    return RESULT_OK;
}
