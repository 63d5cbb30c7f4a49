/* secrets.c - PINs, TSIG secrets and those of cookies, from files that nobody else may read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avow/wire/codec.h"
#include "load.h"
#include "rules.h"
#include "scalar.h"

enum { SECRET_FILE_OCTETS = 4096, PIN_OCTETS = 255, LEAST_SECRET_OCTETS = 16 };

/* What a file held, as a text. Wiped by whoever read it. */
struct secret_text {
    char octets[SECRET_FILE_OCTETS + 1];
    size_t length;
};

/* Why the file may not be used; NULL when it may. */
static const char *judge_file(int descriptor)
{
    struct stat status;

    if (fstat(descriptor, &status))
        return "cannot be examined";
    if (!S_ISREG(status.st_mode))
        return "is not a regular file";
    if (status.st_mode & 077)
        return "can be read or written by others than its owner; allowed is at most mode 0600";
    if (status.st_size > SECRET_FILE_OCTETS)
        return "is too long for a secret";
    return NULL;
}

static bool read_whole(int descriptor, struct secret_text *text)
{
    ssize_t got;

    text->length = 0;
    do {
        got = read(descriptor, text->octets + text->length, SECRET_FILE_OCTETS - text->length);
        if (got > 0)
            text->length += (size_t)got;
    } while ((got > 0 && text->length < SECRET_FILE_OCTETS) || (got < 0 && errno == EINTR));
    text->octets[text->length] = '\0';
    return got >= 0;
}

/* The file's text; false after a complaint. */
static bool read_secret_file(struct loader *loader, const struct yaml_place *place,
                             const char *path, struct secret_text *text)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (descriptor < 0) {
        int error = errno;
        loader_error(loader, place, "%s cannot be read: %s", path, strerror(error));
        return false;
    }
    const char *fault = judge_file(descriptor);
    if (!fault && !read_whole(descriptor, text))
        fault = "cannot be read";
    if (!fault && strlen(text->octets) != text->length)
        fault = "is not a text";
    (void)close(descriptor);
    if (fault)
        loader_error(loader, place, "%s %s", path, fault);
    return !fault;
}

/* A copy in the configuration's memory, when secrets are to stay. */
static void keep(struct loader *loader, const void *octets, size_t length, uint8_t **kept,
                 size_t *kept_length)
{
    if (loader->depth != CONFIG_SECRETS)
        return;
    *kept = (uint8_t *)arena_secret(loader->config->memory, octets, length);
    *kept_length = *kept ? length : 0;
}

void secrets_read_pin(struct loader *loader, const struct yaml_place *place,
                      struct config_keystore *keystore)
{
    struct secret_text text;

    if (read_secret_file(loader, place, keystore->pin_file, &text)) {
        size_t length = strcspn(text.octets, "\r\n");
        if (length == 0)
            loader_error(loader, place, "%s holds no PIN in its first line", keystore->pin_file);
        else if (length > PIN_OCTETS)
            loader_error(loader, place, "%s holds a PIN of more than %d characters",
                         keystore->pin_file, PIN_OCTETS);
        else
            keep(loader, text.octets, length, &keystore->pin, &keystore->pin_length);
    }
    explicit_bzero(&text, sizeof(text));
}

/* ---- key files --------------------------------------------------------------------------------*/

enum { WORD_OCTETS = 1400 };

/* Words of a key file as BIND writes it: quotes, braces, semicolons and comments only part them. */
struct words {
    const char *at;
    char word[WORD_OCTETS];
};

static const char *behind_comment(const char *at)
{
    if (at[0] == '#' || (at[0] == '/' && at[1] == '/'))
        return at + strcspn(at, "\n");
    const char *end = strstr(at + 2, "*/");
    return end ? end + 2 : at + strlen(at);
}

/* Comments begin with #, // or slash and asterisk; a slash alone belongs to base64. */
static bool is_comment(const char *at)
{
    return at[0] == '#' || (at[0] == '/' && (at[1] == '/' || at[1] == '*'));
}

static bool next_word(struct words *words)
{
    static const char between[] = " \t\r\n\"{};:";

    for (;;) {
        words->at += strspn(words->at, between);
        if (!is_comment(words->at))
            break;
        words->at = behind_comment(words->at);
    }
    size_t length = strcspn(words->at, between);
    if (length == 0 || length >= sizeof(words->word))
        return false;
    memcpy(words->word, words->at, length);
    words->word[length] = '\0';
    words->at += length;
    return true;
}

static void check_key_name(struct loader *loader, const struct yaml_place *place,
                           const struct config_tsig *tsig, const char *word)
{
    struct name name;
    char held[LOADER_WORD_OCTETS];

    if (name_from_string(word, &name) || !name_equal(&name, &tsig->name))
        loader_error(loader, place, "%s holds the key '%s', which is another one",
                     tsig->secret_file, loader_word(word, held));
}

static void check_key_algorithm(struct loader *loader, const struct yaml_place *place,
                                const struct config_tsig *tsig, char *word)
{
    char held[LOADER_WORD_OCTETS];
    size_t length = strlen(word);

    if (length && word[length - 1] == '.')
        word[length - 1] = '\0';
    if (tsig->algorithm && strcasecmp(word, tsig->algorithm) != 0)
        loader_error(loader, place, "%s holds a key for %s, not for %s", tsig->secret_file,
                     loader_word(word, held), tsig->algorithm);
}

/* Leave the secret in `words->word`; false when the file holds none. */
static bool find_secret(struct loader *loader, const struct yaml_place *place,
                        const struct config_tsig *tsig, struct words *words)
{
    while (next_word(words)) {
        if (!strcmp(words->word, "key") && next_word(words))
            check_key_name(loader, place, tsig, words->word);
        else if (!strcmp(words->word, "algorithm") && next_word(words))
            check_key_algorithm(loader, place, tsig, words->word);
        else if (!strcmp(words->word, "secret"))
            return next_word(words);
    }
    return false;
}

void secrets_judge_length(struct loader *loader, const struct yaml_place *place, const char *what,
                          size_t length)
{
    if (length < LEAST_SECRET_OCTETS)
        loader_error(loader, place,
                     "%s holds a secret of %zu bits, which can be guessed; it needs at least %d",
                     what, length * 8, LEAST_SECRET_OCTETS * 8);
}

static void take_secret(struct loader *loader, const struct yaml_place *place,
                        struct config_tsig *tsig, const char *base64)
{
    uint8_t octets[WORD_OCTETS];
    struct writer writer = writer_over(octets, sizeof(octets));

    if (base64_read(base64, strlen(base64), &writer) || writer.length == 0) {
        loader_error(loader, place, "%s holds no secret: neither base64 nor a key file",
                     tsig->secret_file);
    } else {
        secrets_judge_length(loader, place, tsig->secret_file, writer.length);
        keep(loader, octets, writer.length, &tsig->secret, &tsig->secret_length);
    }
    explicit_bzero(octets, sizeof(octets));
}

void secrets_read_tsig(struct loader *loader, const struct yaml_place *place,
                       struct config_tsig *tsig)
{
    struct secret_text text;
    struct words words = {.at = text.octets};

    if (read_secret_file(loader, place, tsig->secret_file, &text)) {
        if (find_secret(loader, place, tsig, &words)) {
            take_secret(loader, place, tsig, words.word);
        } else {
            /* No key file: the first word is the secret, and the only one. */
            words.at = text.octets;
            bool one = next_word(&words) && !words.at[strspn(words.at, " \t\r\n")];
            take_secret(loader, place, tsig, one ? words.word : "");
        }
    }
    explicit_bzero(&text, sizeof(text));
    explicit_bzero(&words, sizeof(words));
}

/* ---- cookies ----------------------------------------------------------------------------------*/

/* What has been read so far. Wiped by whoever reads. */
struct cookie_secrets_read {
    struct config_cookie_secret secrets[CONFIG_COOKIE_SECRETS];
    size_t count;
};

/* The words of one file. What is wrong is not repeated: it may be nearly right. */
static void take_cookie_secrets(struct loader *loader, const struct yaml_place *place,
                                const char *path, struct words *words,
                                struct cookie_secrets_read *read)
{
    const char *fault = "holds no secret";

    for (; next_word(words); fault = NULL) {
        if (read->count == CONFIG_COOKIE_SECRETS) {
            loader_error(loader, place, "%s holds more than the %d secrets that there may be", path,
                         CONFIG_COOKIE_SECRETS);
            return;
        }
        uint8_t *octets = read->secrets[read->count++].octets;
        if (!scalar_hex(words->word, octets, CONFIG_COOKIE_SECRET_OCTETS)) {
            fault = "holds something else than secrets";
            break;
        }
    }
    if (fault)
        loader_error(loader, place, "%s %s: each is %d hexadecimal digits", path, fault,
                     2 * CONFIG_COOKIE_SECRET_OCTETS);
}

static void keep_cookie_secrets(struct loader *loader, const struct cookie_secrets_read *read,
                                struct config_cookies *cookies)
{
    if (loader->depth != CONFIG_SECRETS)
        return;
    cookies->secrets =
        arena_take_secret(loader->config->memory, CONFIG_COOKIE_SECRETS, sizeof(*cookies->secrets));
    if (!cookies->secrets)
        return;
    memcpy(cookies->secrets, read->secrets, sizeof(read->secrets));
    cookies->secret_count = read->count;
}

void secrets_read_cookies(struct loader *loader, const struct yaml_node *list,
                          struct config_cookies *cookies)
{
    struct cookie_secrets_read read = {.count = 0};
    struct secret_text text;
    struct words words;

    for (size_t i = 0; i < cookies->secret_file_count; i++) {
        const struct yaml_place *place = &rules_list_item(list, i)->place;
        const char *path = cookies->secret_files[i];
        words.at = text.octets;
        if (path && read_secret_file(loader, place, path, &text))
            take_cookie_secrets(loader, place, path, &words, &read);
    }
    keep_cookie_secrets(loader, &read, cookies);
    explicit_bzero(&read, sizeof(read));
    explicit_bzero(&text, sizeof(text));
    explicit_bzero(&words, sizeof(words));
}
