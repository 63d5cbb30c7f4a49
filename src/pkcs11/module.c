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

/* A code and its name, from the one word. */
#define CODE(word)                                                                                 \
    {                                                                                              \
        CKR_##word, "CKR_" #word                                                                   \
    }

static const struct {
    unsigned long code;
    const char *name;
} codes[] = {
    CODE(OK),
    CODE(CANCEL),
    CODE(HOST_MEMORY),
    CODE(SLOT_ID_INVALID),
    CODE(GENERAL_ERROR),
    CODE(FUNCTION_FAILED),
    CODE(ARGUMENTS_BAD),
    CODE(NO_EVENT),
    CODE(NEED_TO_CREATE_THREADS),
    CODE(CANT_LOCK),
    CODE(ATTRIBUTE_READ_ONLY),
    CODE(ATTRIBUTE_SENSITIVE),
    CODE(ATTRIBUTE_TYPE_INVALID),
    CODE(ATTRIBUTE_VALUE_INVALID),
    CODE(ACTION_PROHIBITED),
    CODE(DATA_INVALID),
    CODE(DATA_LEN_RANGE),
    CODE(DEVICE_ERROR),
    CODE(DEVICE_MEMORY),
    CODE(DEVICE_REMOVED),
    CODE(ENCRYPTED_DATA_INVALID),
    CODE(ENCRYPTED_DATA_LEN_RANGE),
    CODE(FUNCTION_CANCELED),
    CODE(FUNCTION_NOT_PARALLEL),
    CODE(FUNCTION_NOT_SUPPORTED),
    CODE(KEY_HANDLE_INVALID),
    CODE(KEY_SIZE_RANGE),
    CODE(KEY_TYPE_INCONSISTENT),
    CODE(KEY_NOT_NEEDED),
    CODE(KEY_CHANGED),
    CODE(KEY_NEEDED),
    CODE(KEY_INDIGESTIBLE),
    CODE(KEY_FUNCTION_NOT_PERMITTED),
    CODE(KEY_NOT_WRAPPABLE),
    CODE(KEY_UNEXTRACTABLE),
    CODE(MECHANISM_INVALID),
    CODE(MECHANISM_PARAM_INVALID),
    CODE(OBJECT_HANDLE_INVALID),
    CODE(OPERATION_ACTIVE),
    CODE(OPERATION_NOT_INITIALIZED),
    CODE(PIN_INCORRECT),
    CODE(PIN_INVALID),
    CODE(PIN_LEN_RANGE),
    CODE(PIN_EXPIRED),
    CODE(PIN_LOCKED),
    CODE(SESSION_CLOSED),
    CODE(SESSION_COUNT),
    CODE(SESSION_HANDLE_INVALID),
    CODE(SESSION_PARALLEL_NOT_SUPPORTED),
    CODE(SESSION_READ_ONLY),
    CODE(SESSION_EXISTS),
    CODE(SESSION_READ_ONLY_EXISTS),
    CODE(SESSION_READ_WRITE_SO_EXISTS),
    CODE(SIGNATURE_INVALID),
    CODE(SIGNATURE_LEN_RANGE),
    CODE(TEMPLATE_INCOMPLETE),
    CODE(TEMPLATE_INCONSISTENT),
    CODE(TOKEN_NOT_PRESENT),
    CODE(TOKEN_NOT_RECOGNIZED),
    CODE(TOKEN_WRITE_PROTECTED),
    CODE(UNWRAPPING_KEY_SIZE_RANGE),
    CODE(UNWRAPPING_KEY_TYPE_INCONSISTENT),
    CODE(USER_ALREADY_LOGGED_IN),
    CODE(USER_NOT_LOGGED_IN),
    CODE(USER_PIN_NOT_INITIALIZED),
    CODE(USER_TYPE_INVALID),
    CODE(USER_ANOTHER_ALREADY_LOGGED_IN),
    CODE(USER_TOO_MANY_TYPES),
    CODE(WRAPPED_KEY_INVALID),
    CODE(WRAPPED_KEY_LEN_RANGE),
    CODE(WRAPPING_KEY_HANDLE_INVALID),
    CODE(WRAPPING_KEY_SIZE_RANGE),
    CODE(WRAPPING_KEY_TYPE_INCONSISTENT),
    CODE(RANDOM_SEED_NOT_SUPPORTED),
    CODE(RANDOM_NO_RNG),
    CODE(DOMAIN_PARAMS_INVALID),
    CODE(CURVE_NOT_SUPPORTED),
    CODE(BUFFER_TOO_SMALL),
    CODE(SAVED_STATE_INVALID),
    CODE(INFORMATION_SENSITIVE),
    CODE(STATE_UNSAVEABLE),
    CODE(CRYPTOKI_NOT_INITIALIZED),
    CODE(CRYPTOKI_ALREADY_INITIALIZED),
    CODE(MUTEX_BAD),
    CODE(MUTEX_NOT_LOCKED),
    CODE(NEW_PIN_MODE),
    CODE(NEXT_OTP),
    CODE(EXCEEDED_MAX_ITERATIONS),
    CODE(FIPS_SELF_TEST_FAILED),
    CODE(LIBRARY_LOAD_FAILED),
    CODE(PIN_TOO_WEAK),
    CODE(PUBLIC_KEY_INVALID),
    CODE(FUNCTION_REJECTED),
};

const char *pkcs11_code_name(unsigned long code)
{
    for (size_t i = 0; i < COUNT(codes); i++)
        if (codes[i].code == code)
            return codes[i].name;
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
