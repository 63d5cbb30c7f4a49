/* object.c - key pairs on the token: found, copied to a session, listed, destroyed. */
#include "avow/pkcs11/object.h"

#include <stdio.h>
#include <string.h>

#include "avow/base/buffer.h"
#include "cryptoki.h"

long pkcs11_attribute(struct pkcs11_session *session, CK_OBJECT_HANDLE object,
                      CK_ATTRIBUTE_TYPE type, void *octets, size_t size)
{
    CK_ATTRIBUTE attribute = {.type = type, .pValue = octets, .ulValueLen = size};

    CK_RV code =
        cryptoki(session->module)->C_GetAttributeValue(session->handle, object, &attribute, 1);
    if (code != CKR_OK || attribute.ulValueLen > size)
        return -1;
    return (long)attribute.ulValueLen;
}

bool pkcs11_attribute_bool(struct pkcs11_session *session, CK_OBJECT_HANDLE object,
                           CK_ATTRIBUTE_TYPE type, bool otherwise)
{
    CK_BBOOL value = CK_FALSE;

    if (pkcs11_attribute(session, object, type, &value, sizeof(value)) != sizeof(value))
        return otherwise;
    return value;
}

const char *pkcs11_key_name_text(const struct pkcs11_key_name *name, char *text, size_t size)
{
    int length = name->label[0] ? snprintf(text, size, "\"%.100s\" (id ", name->label)
                                : snprintf(text, size, "(id ");

    for (size_t i = 0; i < name->id_length && length >= 0 && (size_t)length + 4 < size; i++)
        length += snprintf(text + length, size - (size_t)length, "%02x", name->id[i]);
    if (length >= 0 && (size_t)length + 1 < size)
        snprintf(text + length, size - (size_t)length, ")");
    return text;
}

/* The first two token objects of a class and name: two are one too many. Session copies have the
 * same name and are left out. A search that was begun is always ended: a session has only one. */
static CK_RV find_two(struct pkcs11_session *session, CK_OBJECT_CLASS class,
                      const struct pkcs11_key_name *name, CK_OBJECT_HANDLE handles[2],
                      CK_ULONG *count)
{
    const CK_FUNCTION_LIST *call = cryptoki(session->module);
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof(class)},
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_ID, (void *)name->id, name->id_length},
        {CKA_LABEL, (void *)name->label, strlen(name->label)},
    };
    CK_ULONG got = 0;

    *count = 0;
    CK_RV code = call->C_FindObjectsInit(session->handle, wanted, name->label[0] ? 4 : 3);
    if (code != CKR_OK)
        return code;
    do { /* a module may give fewer than it was asked for */
        code = call->C_FindObjects(session->handle, handles + *count, 2 - *count, &got);
        if (code == CKR_OK)
            *count += got;
    } while (code == CKR_OK && got > 0 && *count < 2);
    CK_RV end = call->C_FindObjectsFinal(session->handle);
    return code != CKR_OK ? code : end;
}

enum result pkcs11_find_one(struct pkcs11_session *session, unsigned long class,
                            const struct pkcs11_key_name *name, unsigned long *handle)
{
    CK_OBJECT_HANDLE handles[2] = {0, 0};
    CK_ULONG count;
    char text[256];

    *handle = 0;
    pkcs11_key_name_text(name, text, sizeof(text));
    CK_RV code = find_two(session, class, name, handles, &count);
    if (code != CKR_OK)
        return pkcs11_fail_token(&session->failure, &session->token, code,
                                 "cannot search for key %s", text);
    if (count > 1)
        return pkcs11_refuse_token(&session->failure, &session->token, "there are two %s keys %s",
                                   class == CKO_PRIVATE_KEY ? "private" : "public", text);
    if (count == 1)
        *handle = handles[0];
    return RESULT_OK;
}

/* What does not tell is taken for the worse. */
static void read_protection(struct pkcs11_protection *protection, struct pkcs11_session *session,
                            CK_OBJECT_HANDLE key)
{
    *protection = (struct pkcs11_protection){
        .sensitive = pkcs11_attribute_bool(session, key, CKA_SENSITIVE, false),
        .extractable = pkcs11_attribute_bool(session, key, CKA_EXTRACTABLE, true),
        .always_sensitive = pkcs11_attribute_bool(session, key, CKA_ALWAYS_SENSITIVE, false),
        .never_extractable = pkcs11_attribute_bool(session, key, CKA_NEVER_EXTRACTABLE, false),
        .local = pkcs11_attribute_bool(session, key, CKA_LOCAL, false),
        .always_authenticate = pkcs11_attribute_bool(session, key, CKA_ALWAYS_AUTHENTICATE, false),
    };
}

static CK_KEY_TYPE key_type_of(const struct pkcs11_scheme *scheme)
{
    switch (scheme->sign_mechanism) {
    case CKM_ECDSA:
        return CKK_EC;
    case CKM_EDDSA:
        return CKK_EC_EDWARDS;
    }
    return CKK_RSA;
}

/* What keeps a key from being used, as a sentence's end; NULL when nothing does. */
static const char *objection(struct pkcs11_session *session, const struct pkcs11_key *key)
{
    CK_KEY_TYPE type;

    if (pkcs11_attribute(session, key->private_handle, CKA_KEY_TYPE, &type, sizeof(type)) !=
            sizeof(type) ||
        type != key_type_of(&key->scheme))
        return "is of another type than";
    if (!key->protection.sensitive || key->protection.extractable)
        return "can be extracted from the token, so it is not used for";
    if (key->protection.always_authenticate)
        return "wants the PIN for each signature, so it is of no use for";
    return NULL;
}

/* Labels are for people: what is not printable becomes a question mark. */
static void read_label(struct pkcs11_key_name *name, struct pkcs11_session *session,
                       CK_OBJECT_HANDLE object)
{
    long length =
        pkcs11_attribute(session, object, CKA_LABEL, name->label, sizeof(name->label) - 1);

    name->label[length > 0 ? length : 0] = '\0';
    for (char *at = name->label; at < name->label + (length > 0 ? length : 0); at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
}

enum result pkcs11_key_read(struct pkcs11_key *key, struct pkcs11_session *session)
{
    char text[256];

    if (!key->name.label[0])
        read_label(&key->name, session, key->private_handle);
    read_protection(&key->protection, session, key->private_handle);
    const char *no = objection(session, key);
    if (no)
        return pkcs11_refuse_token(&session->failure, &session->token, "key %s %s %s",
                                   pkcs11_key_name_text(&key->name, text, sizeof(text)), no,
                                   pkcs11_algorithm_name(key->scheme.algorithm));
    enum result result = pkcs11_public_read(key, session);
    if (result)
        return result;
    if (key->scheme.sign_mechanism != CKM_ECDSA && key->scheme.sign_mechanism != CKM_EDDSA &&
        (key->bits < key->scheme.smallest_bits || key->bits > key->scheme.largest_bits))
        return pkcs11_refuse_token(&session->failure, &session->token,
                                   "key %s has %u bits; %s is used with %u to %u here",
                                   pkcs11_key_name_text(&key->name, text, sizeof(text)), key->bits,
                                   pkcs11_algorithm_name(key->scheme.algorithm),
                                   key->scheme.smallest_bits, key->scheme.largest_bits);
    return RESULT_OK;
}

enum result pkcs11_key_find(struct pkcs11_key *key, struct pkcs11_session *session,
                            const struct pkcs11_scheme *scheme, const struct pkcs11_key_name *name,
                            enum found *found)
{
    *key = (struct pkcs11_key){.name = *name, .scheme = *scheme};
    *found = FOUND_NOT;

    enum result result = pkcs11_find_one(session, CKO_PRIVATE_KEY, name, &key->private_handle);
    if (result || key->private_handle == 0)
        return result;
    result = pkcs11_find_one(session, CKO_PUBLIC_KEY, name, &key->public_handle);
    if (result)
        return result;
    result = pkcs11_key_read(key, session);
    if (!result)
        *found = FOUND_YES;
    return result;
}

unsigned long pkcs11_key_session_copy(const struct pkcs11_key *key, struct pkcs11_session *session)
{
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE changed[] = {{CKA_TOKEN, &no, sizeof(no)}};
    CK_OBJECT_HANDLE copy = 0;
    struct pkcs11_protection protection;

    if (cryptoki(session->module)
            ->C_CopyObject(session->handle, key->private_handle, changed, COUNT(changed), &copy) !=
        CKR_OK)
        return key->private_handle;
    read_protection(&protection, session, copy);
    if (protection.sensitive && !protection.extractable &&
        pkcs11_attribute_bool(session, copy, CKA_PRIVATE, false) &&
        protection.never_extractable == key->protection.never_extractable &&
        !pkcs11_attribute_bool(session, copy, CKA_TOKEN, true))
        return copy;
    cryptoki(session->module)->C_DestroyObject(session->handle, copy);
    return key->private_handle;
}

enum result pkcs11_key_destroy(struct pkcs11_key *key, struct pkcs11_session *session)
{
    const CK_FUNCTION_LIST *call = cryptoki(session->module);
    CK_RV code = CKR_OK;
    char text[256];

    /* The private half first: what is left after a failure between the two is harmless. */
    if (key->private_handle)
        code = call->C_DestroyObject(session->handle, key->private_handle);
    if (code == CKR_OK) {
        key->private_handle = 0;
        if (key->public_handle)
            code = call->C_DestroyObject(session->handle, key->public_handle);
    }
    /* Tokens that keep both halves in one object have destroyed the second with the first. */
    if (code == CKR_OK || code == CKR_OBJECT_HANDLE_INVALID) {
        key->public_handle = 0;
        return RESULT_OK;
    }
    return pkcs11_fail_token(&session->failure, &session->token, code, "cannot destroy key %s",
                             pkcs11_key_name_text(&key->name, text, sizeof(text)));
}

/* The handles of all private keys on the token, one after the other in `handles`. */
static CK_RV collect_private(struct pkcs11_session *session, struct buffer *handles)
{
    const CK_FUNCTION_LIST *call = cryptoki(session->module);
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_TOKEN, &yes, sizeof(yes)}};
    CK_OBJECT_HANDLE batch[64];
    CK_ULONG got;

    CK_RV code = call->C_FindObjectsInit(session->handle, wanted, COUNT(wanted));
    if (code != CKR_OK)
        return code;
    do {
        got = 0;
        code = call->C_FindObjects(session->handle, batch, COUNT(batch), &got);
        if (code == CKR_OK)
            buffer_add(handles, batch, got * sizeof(batch[0]));
    } while (code == CKR_OK && got > 0 && !handles->failed);
    call->C_FindObjectsFinal(session->handle);
    if (code == CKR_OK && buffer_check(handles))
        code = CKR_HOST_MEMORY;
    return code;
}

static bool read_name(struct pkcs11_key_name *name, struct pkcs11_session *session,
                      CK_OBJECT_HANDLE object)
{
    *name = (struct pkcs11_key_name){.id_length = 0};
    long length = pkcs11_attribute(session, object, CKA_ID, name->id, sizeof(name->id));
    if (length < 0)
        return false; /* longer than any of ours */
    name->id_length = (uint8_t)length;
    read_label(name, session, object);
    return true;
}

enum result pkcs11_key_each(struct pkcs11_session *session,
                            bool (*take)(void *context, const struct pkcs11_key_name *name),
                            void *context)
{
    struct buffer handles = {.octets = NULL};
    struct pkcs11_key_name name;
    CK_OBJECT_HANDLE handle;

    CK_RV code = collect_private(session, &handles);
    for (size_t at = 0; code == CKR_OK && at + sizeof(handle) <= handles.length;
         at += sizeof(handle)) {
        memcpy(&handle, handles.octets + at, sizeof(handle));
        if (read_name(&name, session, handle) && !take(context, &name))
            break;
    }
    buffer_free(&handles);
    if (code != CKR_OK)
        return pkcs11_fail_token(&session->failure, &session->token, code, "cannot list its keys");
    return RESULT_OK;
}
