/*
 * token.c - a PKCS#11 module that stands before a real one and is slow, fails or vanishes on order.
 *
 *   AVOW_FAULT_MODULE   the real module's path
 *   AVOW_FAULT_CONTROL  a file of orders; read again whenever it was changed (replace it by rename)
 *   AVOW_FAULT_LOG      when set: one line is added for each call that is rare, "C_Login 0xa0"
 *
 * Orders, one a line; FUNCTION is C_Sign where it is left out, CODE is a number or a CKR_ name:
 *
 *   slow MILLISECONDS [FUNCTION]     each call takes so much longer
 *   rate N                           at most N signatures a second, over all threads
 *   error FUNCTION CODE [N]          every Nth call fails (1 = each) without reaching the token
 *   wrong [N]                        every Nth signature has a bit flipped
 *   length N                         signatures are N octets, half of them 0x11 and half 0x22
 *   hang [FUNCTION] [N]              the Nth call from now never returns
 *   removed                          no slots; sessions are dead, and stay so when it is back
 *   pin-incorrect                    C_Login says CKR_PIN_INCORRECT and does not ask the token
 *
 * A module has no context of its own in its calls, so its state is one static struct.
 */
#include <p11-kit/pkcs11.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The functions that can be made to fail. */
#define FUNCTIONS(F)                                                                               \
    F(C_Initialize)                                                                                \
    F(C_Finalize)                                                                                  \
    F(C_GetSlotList)                                                                               \
    F(C_GetSlotInfo)                                                                               \
    F(C_GetTokenInfo)                                                                              \
    F(C_GetMechanismList)                                                                          \
    F(C_GetMechanismInfo)                                                                          \
    F(C_OpenSession)                                                                               \
    F(C_CloseSession)                                                                              \
    F(C_GetSessionInfo)                                                                            \
    F(C_Login)                                                                                     \
    F(C_CopyObject)                                                                                \
    F(C_DestroyObject)                                                                             \
    F(C_GetAttributeValue)                                                                         \
    F(C_FindObjectsInit)                                                                           \
    F(C_FindObjects)                                                                               \
    F(C_FindObjectsFinal)                                                                          \
    F(C_SignInit)                                                                                  \
    F(C_Sign)                                                                                      \
    F(C_GenerateKeyPair)

enum function {
#define FUNCTION_ENUMERATOR(name) FUNCTION_##name,
    FUNCTIONS(FUNCTION_ENUMERATOR)
#undef FUNCTION_ENUMERATOR
        FUNCTION_COUNT
};

static const char *const function_names[] = {
#define FUNCTION_NAME(name) #name,
    FUNCTIONS(FUNCTION_NAME)
#undef FUNCTION_NAME
};

/* What is ordered for one function. */
struct order {
    long slow_ms;
    unsigned long error_code, error_every;
    unsigned long hang_at;
    unsigned long calls; /* since the orders were read */
};

enum { MOST_SESSIONS = 1024 };

static struct {
    pthread_mutex_t lock;
    CK_FUNCTION_LIST *real;
    CK_FUNCTION_LIST own;
    struct stat control; /* of the file, when it was read */
    struct order order[FUNCTION_COUNT];
    unsigned long wrong_every, signatures;
    long length;       /* of made-up signatures; -1: real ones */
    double rate, next; /* a second; when the next signature may be made */
    bool removed, pin_incorrect;
    unsigned removals;
    struct {
        CK_SESSION_HANDLE handle;
        unsigned removals; /* when it was opened */
        bool open;
    } sessions[MOST_SESSIONS];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .length = -1};

static const struct {
    const char *name;
    unsigned long code;
} codes[] = {
    {"CKR_GENERAL_ERROR", CKR_GENERAL_ERROR},
    {"CKR_FUNCTION_FAILED", CKR_FUNCTION_FAILED},
    {"CKR_DEVICE_ERROR", CKR_DEVICE_ERROR},
    {"CKR_DEVICE_MEMORY", CKR_DEVICE_MEMORY},
    {"CKR_DEVICE_REMOVED", CKR_DEVICE_REMOVED},
    {"CKR_DATA_LEN_RANGE", CKR_DATA_LEN_RANGE},
    {"CKR_KEY_HANDLE_INVALID", CKR_KEY_HANDLE_INVALID},
    {"CKR_MECHANISM_INVALID", CKR_MECHANISM_INVALID},
    {"CKR_PIN_INCORRECT", CKR_PIN_INCORRECT},
    {"CKR_PIN_LOCKED", CKR_PIN_LOCKED},
    {"CKR_SESSION_HANDLE_INVALID", CKR_SESSION_HANDLE_INVALID},
    {"CKR_SESSION_COUNT", CKR_SESSION_COUNT},
    {"CKR_TOKEN_NOT_PRESENT", CKR_TOKEN_NOT_PRESENT},
    {"CKR_USER_NOT_LOGGED_IN", CKR_USER_NOT_LOGGED_IN},
};

static unsigned long code_named(const char *word)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(codes[i].name, word) == 0)
            return codes[i].code;
    return strtoul(word, NULL, 0);
}

static enum function function_named(const char *word)
{
    for (int i = 0; i < FUNCTION_COUNT; i++)
        if (strcmp(function_names[i], word) == 0)
            return (enum function)i;
    return FUNCTION_COUNT;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void pause_for(double seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

/* A test that orders what does not exist must not pass by accident. */
static void order_unknown(const char *line)
{
    fprintf(stderr, "fault token: cannot make sense of the order \"%s\"\n", line);
    abort();
}

static void order_for(const char *line, char words[4][64], int count)
{
    bool named = count > 1 && strncmp(words[1], "C_", 2) == 0;
    const char *name = named ? words[1] : "C_Sign";
    char *number = words[named ? 2 : 1];
    bool numbered = count > (named ? 2 : 1);

    if (strcmp(words[0], "slow") == 0 && count == 3)
        name = words[2];
    enum function function = function_named(name);
    if (function == FUNCTION_COUNT)
        order_unknown(line);
    struct order *order = &state.order[function];
    if (strcmp(words[0], "slow") == 0 && count >= 2) {
        order->slow_ms = strtol(words[1], NULL, 10);
    } else if (strcmp(words[0], "hang") == 0) {
        order->hang_at = numbered ? strtoul(number, NULL, 10) : 1;
    } else if (strcmp(words[0], "error") == 0 && count >= 3) {
        order->error_code = code_named(words[2]);
        order->error_every = count > 3 ? strtoul(words[3], NULL, 10) : 1;
    } else {
        order_unknown(line);
    }
}

static void take_order(const char *line)
{
    char words[4][64];
    int count = sscanf(line, "%63s %63s %63s %63s", words[0], words[1], words[2], words[3]);

    if (count < 1 || words[0][0] == '#')
        return;
    if (strcmp(words[0], "removed") == 0)
        state.removed = true;
    else if (strcmp(words[0], "pin-incorrect") == 0)
        state.pin_incorrect = true;
    else if (strcmp(words[0], "wrong") == 0)
        state.wrong_every = count > 1 ? strtoul(words[1], NULL, 10) : 1;
    else if (strcmp(words[0], "length") == 0 && count > 1)
        state.length = strtol(words[1], NULL, 10);
    else if (strcmp(words[0], "rate") == 0 && count > 1)
        state.rate = strtod(words[1], NULL);
    else
        order_for(line, words, count);
}

static void forget_orders(void)
{
    memset(state.order, 0, sizeof(state.order));
    state.wrong_every = state.signatures = 0;
    state.rate = state.next = 0;
    state.length = -1;
    state.removed = state.pin_incorrect = false;
}

/* Read the orders when the file is not the one that was read last. */
static void refresh(void)
{
    const char *path = getenv("AVOW_FAULT_CONTROL");
    struct stat status = {.st_ino = 0};
    bool was_removed = state.removed;
    char line[256];

    if (!path)
        return;
    if (stat(path, &status) < 0)
        memset(&status, 0, sizeof(status));
    if (status.st_ino == state.control.st_ino && status.st_size == state.control.st_size &&
        memcmp(&status.st_mtim, &state.control.st_mtim, sizeof(status.st_mtim)) == 0)
        return;
    state.control = status;
    forget_orders();
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        take_order(line);
    }
    if (file)
        fclose(file);
    if (state.removed && !was_removed)
        state.removals++;
}

/* How long a signature has to wait for its turn. */
static double turn(void)
{
    double at = now();

    if (state.rate <= 0)
        return 0;
    if (state.next < at)
        state.next = at;
    double wait = state.next - at;
    state.next += 1 / state.rate;
    return wait;
}

static void hang(void)
{
    for (;;)
        pause();
}

/* What every call goes through first: CKR_OK when it may go on to the real module. */
static CK_RV fault(enum function function)
{
    pthread_mutex_lock(&state.lock);
    refresh();
    struct order *order = &state.order[function];
    order->calls++;
    double wait = (double)order->slow_ms / 1e3;
    if (function == FUNCTION_C_Sign)
        wait += turn();
    bool hangs = order->hang_at && order->calls >= order->hang_at;
    bool fails = order->error_every && order->calls % order->error_every == 0;
    CK_RV code = fails ? order->error_code : CKR_OK;
    if (state.removed && function >= FUNCTION_C_GetSlotInfo)
        code = function <= FUNCTION_C_OpenSession ? CKR_TOKEN_NOT_PRESENT : CKR_DEVICE_REMOVED;
    pthread_mutex_unlock(&state.lock);
    if (hangs)
        hang();
    if (wait > 0)
        pause_for(wait);
    return code;
}

/* A session that was open when the token went away is dead for good. */
static CK_RV session_fault(enum function function, CK_SESSION_HANDLE handle)
{
    CK_RV code = fault(function);

    if (code != CKR_OK)
        return code;
    pthread_mutex_lock(&state.lock);
    for (int i = 0; i < MOST_SESSIONS; i++)
        if (state.sessions[i].open && state.sessions[i].handle == handle &&
            state.sessions[i].removals != state.removals)
            code = CKR_SESSION_HANDLE_INVALID;
    pthread_mutex_unlock(&state.lock);
    return code;
}

static void remember_session(CK_SESSION_HANDLE handle, bool open)
{
    pthread_mutex_lock(&state.lock);
    for (int i = 0; i < MOST_SESSIONS; i++) {
        if (open ? state.sessions[i].open
                 : !state.sessions[i].open || state.sessions[i].handle != handle)
            continue;
        state.sessions[i].handle = handle;
        state.sessions[i].removals = state.removals;
        state.sessions[i].open = open;
        break;
    }
    pthread_mutex_unlock(&state.lock);
}

/* Note a rare call and its outcome; hands the outcome on. */
static CK_RV noted(enum function function, CK_RV code)
{
    const char *path = getenv("AVOW_FAULT_LOG");
    char line[96];

    int descriptor = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (descriptor < 0)
        return code;
    int length = snprintf(line, sizeof(line), "%s 0x%lx\n", function_names[function], code);
    if (write(descriptor, line, (size_t)length) != length)
        abort();
    close(descriptor);
    return code;
}

static CK_RV own_initialize(void *arguments)
{
    CK_RV code = fault(FUNCTION_C_Initialize);
    return noted(FUNCTION_C_Initialize,
                 code == CKR_OK ? state.real->C_Initialize(arguments) : code);
}

static CK_RV own_finalize(void *reserved)
{
    CK_RV code = fault(FUNCTION_C_Finalize);
    return noted(FUNCTION_C_Finalize, code == CKR_OK ? state.real->C_Finalize(reserved) : code);
}

static CK_RV own_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
    CK_RV code = fault(FUNCTION_C_GetSlotList);
    if (code == CKR_OK && state.removed) {
        *count = 0;
        return CKR_OK;
    }
    return code == CKR_OK ? state.real->C_GetSlotList(present, slots, count) : code;
}

static CK_RV own_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    CK_RV code = fault(FUNCTION_C_GetSlotInfo);
    return code == CKR_OK ? state.real->C_GetSlotInfo(slot, info) : code;
}

static CK_RV own_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV code = fault(FUNCTION_C_GetTokenInfo);
    return code == CKR_OK ? state.real->C_GetTokenInfo(slot, info) : code;
}

static CK_RV own_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    CK_RV code = fault(FUNCTION_C_GetMechanismList);
    return code == CKR_OK ? state.real->C_GetMechanismList(slot, list, count) : code;
}

static CK_RV own_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    CK_RV code = fault(FUNCTION_C_GetMechanismInfo);
    return code == CKR_OK ? state.real->C_GetMechanismInfo(slot, type, info) : code;
}

static CK_RV own_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                              CK_SESSION_HANDLE *session)
{
    CK_RV code = fault(FUNCTION_C_OpenSession);
    if (code == CKR_OK)
        code = state.real->C_OpenSession(slot, flags, application, notify, session);
    if (code == CKR_OK)
        remember_session(*session, true);
    return noted(FUNCTION_C_OpenSession, code);
}

static CK_RV own_close_session(CK_SESSION_HANDLE session)
{
    CK_RV code = session_fault(FUNCTION_C_CloseSession, session);
    remember_session(session, false);
    CK_RV real = state.real->C_CloseSession(session);
    return noted(FUNCTION_C_CloseSession, code == CKR_OK ? real : code);
}

static CK_RV own_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
    CK_RV code = session_fault(FUNCTION_C_GetSessionInfo, session);
    return code == CKR_OK ? state.real->C_GetSessionInfo(session, info) : code;
}

static CK_RV own_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin,
                       CK_ULONG length)
{
    CK_RV code = session_fault(FUNCTION_C_Login, session);
    if (code == CKR_OK && state.pin_incorrect)
        code = CKR_PIN_INCORRECT;
    return noted(FUNCTION_C_Login,
                 code == CKR_OK ? state.real->C_Login(session, user, pin, length) : code);
}

static CK_RV own_copy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *changed,
                      CK_ULONG count, CK_OBJECT_HANDLE *copy)
{
    CK_RV code = session_fault(FUNCTION_C_CopyObject, session);
    return noted(FUNCTION_C_CopyObject,
                 code == CKR_OK ? state.real->C_CopyObject(session, object, changed, count, copy)
                                : code);
}

static CK_RV own_destroy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    CK_RV code = session_fault(FUNCTION_C_DestroyObject, session);
    return noted(FUNCTION_C_DestroyObject,
                 code == CKR_OK ? state.real->C_DestroyObject(session, object) : code);
}

static CK_RV own_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                            CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_RV code = session_fault(FUNCTION_C_GetAttributeValue, session);
    return code == CKR_OK ? state.real->C_GetAttributeValue(session, object, attributes, count)
                          : code;
}

static CK_RV own_find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    CK_RV code = session_fault(FUNCTION_C_FindObjectsInit, session);
    return code == CKR_OK ? state.real->C_FindObjectsInit(session, wanted, count) : code;
}

static CK_RV own_find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG most,
                      CK_ULONG *count)
{
    CK_RV code = session_fault(FUNCTION_C_FindObjects, session);
    return code == CKR_OK ? state.real->C_FindObjects(session, objects, most, count) : code;
}

static CK_RV own_find_final(CK_SESSION_HANDLE session)
{
    CK_RV code = session_fault(FUNCTION_C_FindObjectsFinal, session);
    return code == CKR_OK ? state.real->C_FindObjectsFinal(session) : code;
}

static CK_RV own_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_RV code = session_fault(FUNCTION_C_SignInit, session);
    return code == CKR_OK ? state.real->C_SignInit(session, mechanism, key) : code;
}

static bool spoils_this_one(void)
{
    pthread_mutex_lock(&state.lock);
    state.signatures++;
    bool spoils = state.wrong_every && state.signatures % state.wrong_every == 0;
    pthread_mutex_unlock(&state.lock);
    return spoils;
}

static CK_RV own_sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG length, CK_BYTE *signature,
                      CK_ULONG *size)
{
    CK_ULONG room = *size;
    CK_RV code = session_fault(FUNCTION_C_Sign, session);

    /* The real call is made all the same: it ends what C_SignInit began. */
    CK_RV real = state.real->C_Sign(session, data, length, signature, size);
    if (code != CKR_OK) {
        if (signature && room >= *size)
            memset(signature, 0, *size);
        return code;
    }
    if (real == CKR_OK && state.length >= 0 && room >= (CK_ULONG)state.length) {
        *size = (CK_ULONG)state.length;
        memset(signature, 0x11, *size / 2);
        memset(signature + *size / 2, 0x22, *size - *size / 2);
        return real;
    }
    if (real == CKR_OK && signature && spoils_this_one())
        signature[*size / 2] ^= 0x10;
    return real;
}

static CK_RV own_generate(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public,
                          CK_ULONG public_count, CK_ATTRIBUTE *private, CK_ULONG private_count,
                          CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    CK_RV code = session_fault(FUNCTION_C_GenerateKeyPair, session);
    if (code == CKR_OK)
        code = state.real->C_GenerateKeyPair(session, mechanism, public, public_count, private,
                                             private_count, public_key, private_key);
    return noted(FUNCTION_C_GenerateKeyPair, code);
}

static CK_RV load_real(void)
{
    const char *path = getenv("AVOW_FAULT_MODULE");
    void *module = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    CK_C_GetFunctionList list =
        module ? (CK_C_GetFunctionList)(uintptr_t)dlsym(module, "C_GetFunctionList") : NULL;

    if (!list) {
        fprintf(stderr, "fault token: AVOW_FAULT_MODULE: %s\n", path ? dlerror() : "not set");
        return CKR_GENERAL_ERROR;
    }
    return list(&state.real);
}

static void make_own(void)
{
    state.own = *state.real;
    state.own.version = (CK_VERSION){.major = 2, .minor = 40};
    state.own.C_GetFunctionList = C_GetFunctionList;
    state.own.C_Initialize = own_initialize;
    state.own.C_Finalize = own_finalize;
    state.own.C_GetSlotList = own_slot_list;
    state.own.C_GetSlotInfo = own_slot_info;
    state.own.C_GetTokenInfo = own_token_info;
    state.own.C_GetMechanismList = own_mechanism_list;
    state.own.C_GetMechanismInfo = own_mechanism_info;
    state.own.C_OpenSession = own_open_session;
    state.own.C_CloseSession = own_close_session;
    state.own.C_GetSessionInfo = own_session_info;
    state.own.C_Login = own_login;
    state.own.C_CopyObject = own_copy;
    state.own.C_DestroyObject = own_destroy;
    state.own.C_GetAttributeValue = own_attributes;
    state.own.C_FindObjectsInit = own_find_init;
    state.own.C_FindObjects = own_find;
    state.own.C_FindObjectsFinal = own_find_final;
    state.own.C_SignInit = own_sign_init;
    state.own.C_Sign = own_sign;
    state.own.C_GenerateKeyPair = own_generate;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    CK_RV code = CKR_OK;

    pthread_mutex_lock(&state.lock);
    if (!state.real)
        code = load_real();
    if (code == CKR_OK)
        make_own();
    pthread_mutex_unlock(&state.lock);
    *list = &state.own;
    return code;
}
