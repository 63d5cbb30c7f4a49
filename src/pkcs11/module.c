/* module.c - a PKCS#11 module loaded and initialised once, and its codes as names and advice. */
#include "avow/pkcs11/module.h"

#define P11_KIT_FUTURE_UNSTABLE_API 1 /* p11_kit_message: why a module could not be loaded */
#include <errno.h>
#include <p11-kit/p11-kit.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cryptoki.h"

#define CODES(C)                                                                                        \
    C(OK)                                                                                               \
    C(CANCEL)                                                                                           \
    C(HOST_MEMORY)                                                                                      \
    C(SLOT_ID_INVALID)                                                                                  \
    C(GENERAL_ERROR)                                                                                    \
    C(FUNCTION_FAILED)                                                                                  \
    C(ARGUMENTS_BAD)                                                                                    \
    C(NO_EVENT)                                                                                         \
    C(NEED_TO_CREATE_THREADS) C(CANT_LOCK) C(ATTRIBUTE_READ_ONLY) C(ATTRIBUTE_SENSITIVE) C(             \
        ATTRIBUTE_TYPE_INVALID) C(ATTRIBUTE_VALUE_INVALID) C(ACTION_PROHIBITED) C(DATA_INVALID)         \
        C(DATA_LEN_RANGE) C(DEVICE_ERROR) C(DEVICE_MEMORY) C(DEVICE_REMOVED) C(                         \
            ENCRYPTED_DATA_INVALID) C(ENCRYPTED_DATA_LEN_RANGE) C(FUNCTION_CANCELED)                    \
            C(FUNCTION_NOT_PARALLEL) C(FUNCTION_NOT_SUPPORTED) C(KEY_HANDLE_INVALID) C(                 \
                KEY_SIZE_RANGE) C(KEY_TYPE_INCONSISTENT) C(KEY_NOT_NEEDED) C(KEY_CHANGED) C(KEY_NEEDED) \
                C(KEY_INDIGESTIBLE) C(KEY_FUNCTION_NOT_PERMITTED) C(KEY_NOT_WRAPPABLE) C(               \
                    KEY_UNEXTRACTABLE) C(MECHANISM_INVALID) C(MECHANISM_PARAM_INVALID)                  \
                    C(OBJECT_HANDLE_INVALID) C(OPERATION_ACTIVE) C(OPERATION_NOT_INITIALIZED) C(        \
                        PIN_INCORRECT) C(PIN_INVALID) C(PIN_LEN_RANGE) C(PIN_EXPIRED) C(PIN_LOCKED)     \
                        C(SESSION_CLOSED) C(SESSION_COUNT) C(SESSION_HANDLE_INVALID) C(                 \
                            SESSION_PARALLEL_NOT_SUPPORTED) C(SESSION_READ_ONLY) C(SESSION_EXISTS)      \
                            C(SESSION_READ_ONLY_EXISTS) C(SESSION_READ_WRITE_SO_EXISTS) C(              \
                                SIGNATURE_INVALID) C(SIGNATURE_LEN_RANGE) C(TEMPLATE_INCOMPLETE)        \
                                C(TEMPLATE_INCONSISTENT) C(TOKEN_NOT_PRESENT) C(                        \
                                    TOKEN_NOT_RECOGNIZED) C(TOKEN_WRITE_PROTECTED)                      \
                                    C(UNWRAPPING_KEY_SIZE_RANGE) C(                                     \
                                        UNWRAPPING_KEY_TYPE_INCONSISTENT) C(USER_ALREADY_LOGGED_IN)     \
                                        C(USER_NOT_LOGGED_IN) C(USER_PIN_NOT_INITIALIZED) C(            \
                                            USER_TYPE_INVALID) C(USER_ANOTHER_ALREADY_LOGGED_IN)        \
                                            C(USER_TOO_MANY_TYPES) C(WRAPPED_KEY_INVALID) C(            \
                                                WRAPPED_KEY_LEN_RANGE) C(WRAPPING_KEY_HANDLE_INVALID)   \
                                                C(WRAPPING_KEY_SIZE_RANGE) C(                           \
                                                    WRAPPING_KEY_TYPE_INCONSISTENT)                     \
                                                    C(RANDOM_SEED_NOT_SUPPORTED) C(RANDOM_NO_RNG) C(    \
                                                        DOMAIN_PARAMS_INVALID) C(CURVE_NOT_SUPPORTED)   \
                                                        C(BUFFER_TOO_SMALL) C(SAVED_STATE_INVALID) C(   \
                                                            INFORMATION_SENSITIVE)                      \
                                                            C(STATE_UNSAVEABLE) C(                      \
                                                                CRYPTOKI_NOT_INITIALIZED)               \
                                                                C(CRYPTOKI_ALREADY_INITIALIZED) C(      \
                                                                    MUTEX_BAD) C(MUTEX_NOT_LOCKED)      \
                                                                    C(NEW_PIN_MODE) C(NEXT_OTP) C(      \
                                                                        EXCEEDED_MAX_ITERATIONS)        \
                                                                        C(FIPS_SELF_TEST_FAILED) C(     \
                                                                            LIBRARY_LOAD_FAILED)        \
                                                                            C(PIN_TOO_WEAK) C(          \
                                                                                PUBLIC_KEY_INVALID)     \
                                                                                C(FUNCTION_REJECTED)

const char *pkcs11_code_name(unsigned long code)
{
    switch (code) {
#define CODE_NAME(name)                                                                            \
    case CKR_##name:                                                                               \
        return "CKR_" #name;
        CODES(CODE_NAME)
#undef CODE_NAME
    }
    return code >= CKR_VENDOR_DEFINED ? "CKR_VENDOR_DEFINED" : "CKR_?";
}

enum pkcs11_trouble pkcs11_code_trouble(unsigned long code)
{
    switch (code) {
    case CKR_OK:
        return PKCS11_TROUBLE_NONE;
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
    case CKR_PIN_TOO_WEAK:
    case CKR_USER_PIN_NOT_INITIALIZED:
        return PKCS11_TROUBLE_PIN;
    case CKR_HOST_MEMORY:
    case CKR_SLOT_ID_INVALID: /* slots are renumbered when tokens come and go */
    case CKR_GENERAL_ERROR:
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_MEMORY:
    case CKR_DEVICE_REMOVED:
    case CKR_KEY_HANDLE_INVALID: /* the handles belonged to a token that went and came back */
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_OPERATION_ACTIVE: /* the session is stuck in something that never ended */
    case CKR_SESSION_CLOSED:
    case CKR_SESSION_COUNT:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
    case CKR_MUTEX_BAD:
    case CKR_MUTEX_NOT_LOCKED:
        return PKCS11_TROUBLE_GONE;
    case CKR_CANT_LOCK:
    case CKR_NEED_TO_CREATE_THREADS:
    case CKR_CRYPTOKI_ALREADY_INITIALIZED:
    case CKR_LIBRARY_LOAD_FAILED:
    case CKR_FIPS_SELF_TEST_FAILED:
    case CKR_SESSION_READ_ONLY:
    case CKR_TOKEN_WRITE_PROTECTED:
    case CKR_USER_ANOTHER_ALREADY_LOGGED_IN:
        return PKCS11_TROUBLE_SETUP;
    }
    return PKCS11_TROUBLE_OPERATION;
}

const char *pkcs11_trouble_name(enum pkcs11_trouble trouble)
{
    switch (trouble) {
    case PKCS11_TROUBLE_NONE:
        return "none";
    case PKCS11_TROUBLE_OPERATION:
        return "operation";
    case PKCS11_TROUBLE_GONE:
        return "gone";
    case PKCS11_TROUBLE_PIN:
        return "pin";
    case PKCS11_TROUBLE_SETUP:
        return "setup";
    }
    return "unknown";
}

void pkcs11_fail(struct pkcs11_failure *failure, enum pkcs11_trouble trouble, const char *format,
                 ...)
{
    va_list arguments;

    if (!failure)
        return;
    failure->trouble = trouble;
    failure->code = CKR_OK;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof(failure->text), format, arguments);
    va_end(arguments);
}

enum result pkcs11_fail_token(struct pkcs11_failure *failure, const struct pkcs11_token *token,
                              CK_RV code, const char *format, ...)
{
    char what[512];
    va_list arguments;

    if (!failure)
        return RESULT_TOKEN;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    pkcs11_fail(failure, pkcs11_code_trouble(code), "token \"%s\" (slot 0x%lx): %s: %s (0x%lx)",
                token->label, token->slot, what, pkcs11_code_name(code), code);
    failure->code = code;
    return RESULT_TOKEN;
}

enum result pkcs11_refuse_token(struct pkcs11_failure *failure, const struct pkcs11_token *token,
                                const char *format, ...)
{
    char what[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    pkcs11_fail(failure, PKCS11_TROUBLE_SETUP, "token \"%s\" (slot 0x%lx): %s", token->label,
                token->slot, what);
    return RESULT_TOKEN;
}

static enum result set_environment(const struct pkcs11_setting *settings, size_t count,
                                   struct pkcs11_failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        if (setenv(settings[i].name, settings[i].value, 1) == 0)
            continue;
        pkcs11_fail(failure, PKCS11_TROUBLE_SETUP, "cannot set the environment variable \"%s\": %s",
                    settings[i].name, strerror(errno));
        return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

/* Not through p11_kit_module_initialize: that passes no arguments, and a module that is not managed
 * then believes that it is used from one thread only. */
static enum result initialise(struct pkcs11_module *module, struct pkcs11_failure *failure)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_RV code = cryptoki(module)->C_Initialize(&arguments);

    if (code == CKR_OK) {
        module->initialised = true;
        return RESULT_OK;
    }
    pkcs11_fail(failure, pkcs11_code_trouble(code), "module %s: cannot initialise it: %s (0x%lx)%s",
                module->path, pkcs11_code_name(code), code,
                code == CKR_CRYPTOKI_ALREADY_INITIALIZED ? "; it is loaded twice in one process"
                                                         : "");
    if (failure)
        failure->code = code;
    return RESULT_TOKEN;
}

enum result pkcs11_module_load(struct pkcs11_module *module, const char *path,
                               const struct pkcs11_setting *settings, size_t count,
                               struct pkcs11_failure *failure)
{
    *module = (struct pkcs11_module){.functions = NULL};
    /* p11-kit would look for a relative name in a folder of its own. */
    if (path[0] != '/' || strlen(path) >= sizeof(module->path)) {
        pkcs11_fail(failure, PKCS11_TROUBLE_SETUP,
                    "module %.200s: the path must be absolute and shorter than %zu octets", path,
                    sizeof(module->path));
        return RESULT_TOKEN;
    }
    snprintf(module->path, sizeof(module->path), "%s", path);

    enum result result = set_environment(settings, count, failure);
    if (result)
        goto failed;
    p11_kit_be_quiet();
    module->functions =
        p11_kit_module_load(module->path, P11_KIT_MODULE_UNMANAGED | P11_KIT_MODULE_CRITICAL);
    if (!module->functions) {
        const char *why = p11_kit_message();

        pkcs11_fail(failure, PKCS11_TROUBLE_SETUP, "module %s: cannot load it: %s", module->path,
                    why ? why : "it is not a PKCS#11 module");
        result = RESULT_TOKEN;
        goto failed;
    }
    result = initialise(module, failure);
    if (result)
        goto failed;
    return RESULT_OK;

failed:
    pkcs11_module_unload(module);
    return result;
}

void pkcs11_module_unload(struct pkcs11_module *module)
{
    if (module->initialised)
        cryptoki(module)->C_Finalize(NULL);
    if (module->functions)
        p11_kit_module_release(module->functions);
    *module = (struct pkcs11_module){.functions = NULL};
}
