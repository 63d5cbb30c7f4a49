/* generate.c - key pairs made on the token, for signatures only and never to leave it. */
#include <stdio.h>
#include <string.h>

#include "avow/base/log.h"
#include "cryptoki.h"

enum { MOST_ATTRIBUTES = 16 };

/* A template being put together; the values live in the one who makes it. */
struct template
{
    CK_ATTRIBUTE attributes[MOST_ATTRIBUTES];
    CK_ULONG count;
};

static void add(struct template *template, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
    if (template->count < MOST_ATTRIBUTES)
        template->attributes[template->count++] =
            (CK_ATTRIBUTE){.type = type, .pValue = (void *)value, .ulValueLen = size};
}

static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void add_bool(struct template *template, CK_ATTRIBUTE_TYPE type, bool value)
{
    add(template, type, value ? &yes : &no, sizeof(CK_BBOOL));
}

/* How much is asked for. Some tokens do not know an attribute even when it is to be false. */
enum strictness {
    STRICT_USES,    /* signing and nothing else */
    STRICT_MINIMUM, /* private, sensitive, not extractable, able to sign */
    STRICT_COUNT
};

/* CKA_MODIFIABLE stays as the token has it: SoftHSM copies no key to a session that may not be
 * modified (CKR_ATTRIBUTE_READ_ONLY), and a copy signs 1.5 times faster. What counts cannot be
 * loosened anyway: SENSITIVE never goes back to false, nor EXTRACTABLE to true. */
static void private_template(struct template *template, const struct pkcs11_key_name *name,
                             enum strictness strictness)
{
    *template = (struct template){.count = 0};
    add_bool(template, CKA_TOKEN, true);
    add_bool(template, CKA_PRIVATE, true);
    add_bool(template, CKA_SENSITIVE, true);
    add_bool(template, CKA_EXTRACTABLE, false);
    add_bool(template, CKA_SIGN, true);
    add(template, CKA_ID, name->id, name->id_length);
    add(template, CKA_LABEL, name->label, strlen(name->label));
    if (strictness == STRICT_USES) {
        add_bool(template, CKA_DECRYPT, false);
        add_bool(template, CKA_UNWRAP, false);
        add_bool(template, CKA_SIGN_RECOVER, false);
        add_bool(template, CKA_DERIVE, false);
    }
}

/* Bits for RSA, else the curve in one of its forms. */
struct size {
    CK_ULONG bits;
    const struct pkcs11_octets *curve;
};

static void public_template(struct template *template, const struct pkcs11_key_name *name,
                            const struct size *size)
{
    static const uint8_t exponent[] = {0x01, 0x00, 0x01};

    *template = (struct template){.count = 0};
    add_bool(template, CKA_TOKEN, true);
    add(template, CKA_ID, name->id, name->id_length);
    add(template, CKA_LABEL, name->label, strlen(name->label));
    if (size->curve) {
        add(template, CKA_EC_PARAMS, size->curve->octets, size->curve->length);
    } else {
        add(template, CKA_MODULUS_BITS, &size->bits, sizeof(size->bits));
        add(template, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
    }
}

static CK_RV generate(struct pkcs11_session *session, struct pkcs11_key *key,
                      const struct size *size, enum strictness strictness)
{
    CK_MECHANISM mechanism = {.mechanism = key->scheme.generate_mechanism};
    struct template public, private;

    public_template(&public, &key->name, size);
    private_template(&private, &key->name, strictness);
    return cryptoki(session->module)
        ->C_GenerateKeyPair(session->handle, &mechanism, public.attributes, public.count,
                            private.attributes, private.count, &key->public_handle,
                            &key->private_handle);
}

/* A failure that another form of the same request may not meet. */
static bool worth_another_form(CK_RV code)
{
    switch (code) {
    case CKR_OK:
    case CKR_PIN_EXPIRED:
    case CKR_SESSION_READ_ONLY:
    case CKR_TOKEN_WRITE_PROTECTED:
    case CKR_USER_NOT_LOGGED_IN:
        return false;
    case CKR_GENERAL_ERROR: /* what tpm2-pkcs11 and others say to an attribute they do not know */
        return true;
    }
    return pkcs11_code_trouble(code) == PKCS11_TROUBLE_OPERATION;
}

/* From the strictest form to the plainest, for each way to name the curve. */
static CK_RV generate_somehow(struct pkcs11_session *session, struct pkcs11_key *key, CK_ULONG bits)
{
    struct size size = {.bits = bits, .curve = pkcs11_curve(key->scheme.algorithm, 0)};
    CK_RV first = CKR_OK;
    unsigned form = 0;

    do {
        for (enum strictness s = STRICT_USES; s < STRICT_COUNT; s++) {
            CK_RV code = generate(session, key, &size, s);
            if (!worth_another_form(code))
                return code;
            if (first == CKR_OK)
                first = code; /* the one that a person can make sense of */
        }
        size.curve = pkcs11_curve(key->scheme.algorithm, ++form);
    } while (size.curve);
    return first;
}

/* A second key of the same name would make the first unusable. */
static enum result check_name_free(struct pkcs11_session *session,
                                   const struct pkcs11_key_name *name)
{
    struct pkcs11_key_name any_label = *name;
    unsigned long handle;
    char text[256];

    any_label.label[0] = '\0';
    enum result result = pkcs11_find_one(session, CKO_PRIVATE_KEY, &any_label, &handle);
    if (result || handle == 0)
        return result;
    return pkcs11_refuse_token(&session->failure, &session->token, "there is a key %s already",
                               pkcs11_key_name_text(name, text, sizeof(text)));
}

static enum result check_request(struct pkcs11_session *session, const struct pkcs11_scheme *scheme,
                                 const struct pkcs11_key_name *name, uint32_t bits)
{
    const char *algorithm = pkcs11_algorithm_name(scheme->algorithm);

    if (!scheme->generates)
        return pkcs11_refuse_token(&session->failure, &session->token, "it cannot make keys for %s",
                                   algorithm);
    if (!pkcs11_curve(scheme->algorithm, 0) &&
        (bits < scheme->smallest_bits || bits > scheme->largest_bits))
        return pkcs11_refuse_token(&session->failure, &session->token,
                                   "it makes keys of %u to %u bits for %s, not of %u",
                                   scheme->smallest_bits, scheme->largest_bits, algorithm, bits);
    if (name->id_length == 0 || name->id_length > PKCS11_ID_OCTETS)
        return pkcs11_refuse_token(&session->failure, &session->token,
                                   "a key needs an id of 1 to %d octets", PKCS11_ID_OCTETS);
    return check_name_free(session, name);
}

/* Made here and never outside: anything less is not what was asked for. */
static enum result check_made(struct pkcs11_session *session, const struct pkcs11_key *key)
{
    const struct pkcs11_protection *protection = &key->protection;
    char text[256];

    if (protection->local && protection->always_sensitive && protection->never_extractable)
        return RESULT_OK;
    return pkcs11_refuse_token(&session->failure, &session->token,
                               "it made key %s but does not vouch for it (local %d, always "
                               "sensitive %d, never extractable %d); it is destroyed again",
                               pkcs11_key_name_text(&key->name, text, sizeof(text)),
                               protection->local, protection->always_sensitive,
                               protection->never_extractable);
}

enum result pkcs11_key_generate(struct pkcs11_key *key, struct pkcs11_session *session,
                                const struct pkcs11_scheme *scheme,
                                const struct pkcs11_key_name *name, uint32_t bits)
{
    char text[256];

    *key = (struct pkcs11_key){.name = *name, .scheme = *scheme};
    enum result result = check_request(session, scheme, name, bits);
    if (result)
        return result;
    CK_RV code = generate_somehow(session, key, bits);
    if (code != CKR_OK)
        return pkcs11_fail_token(&session->failure, &session->token, code, "cannot make key %s, %s",
                                 pkcs11_key_name_text(name, text, sizeof(text)),
                                 pkcs11_algorithm_name(scheme->algorithm));
    result = pkcs11_key_read(key, session);
    if (!result)
        result = check_made(session, key);
    if (!result)
        return RESULT_OK;
    struct pkcs11_failure why = session->failure;
    if (pkcs11_key_destroy(key, session))
        log_error("%s", session->failure.text);
    session->failure = why;
    return result;
}
