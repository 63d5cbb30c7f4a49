/* pin.c - a PIN read from a file, held in locked memory, wiped. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avow/base/vault.h"
#include "avow/pkcs11/location.h"
#include "cryptoki.h"

enum result pkcs11_pin_set(struct pkcs11_pin *pin, const void *octets, size_t length)
{
    *pin = (struct pkcs11_pin){.length = 0};
    if (length == 0 || length > PKCS11_PIN_OCTETS)
        return RESULT_FORMAT;
    pin->octets = vault_take(length);
    if (!pin->octets)
        return RESULT_SYSTEM;
    memcpy(pin->octets, octets, length);
    pin->length = length;
    return RESULT_OK;
}

void pkcs11_pin_wipe(struct pkcs11_pin *pin)
{
    vault_drop(pin->octets);
    *pin = (struct pkcs11_pin){.length = 0};
}

static enum result refuse(struct pkcs11_failure *failure, enum result result, const char *path,
                          const char *what)
{
    pkcs11_fail(failure, PKCS11_TROUBLE_SETUP, "PIN file %.400s: %s", path, what);
    return result;
}

static enum result check_file(int descriptor, const char *path, struct pkcs11_failure *failure)
{
    struct stat status;

    if (fstat(descriptor, &status) < 0)
        return refuse(failure, RESULT_SYSTEM, path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse(failure, RESULT_REFUSED, path, "it is not a regular file");
    if (status.st_mode & S_IRWXO)
        return refuse(failure, RESULT_REFUSED, path,
                      "others than its owner and group may use it; chmod o= it");
    return RESULT_OK;
}

/* Read until the end or until `size` octets are there: their number, or -1. */
static ssize_t read_all(int descriptor, uint8_t *octets, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t got = read(descriptor, octets + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

static enum result read_line(struct pkcs11_pin *pin, int descriptor, const char *path,
                             struct pkcs11_failure *failure)
{
    uint8_t octets[PKCS11_PIN_OCTETS + 2];
    ssize_t got = read_all(descriptor, octets, sizeof(octets));

    if (got < 0)
        return refuse(failure, RESULT_SYSTEM, path, strerror(errno));
    const uint8_t *end = memchr(octets, '\n', (size_t)got);
    size_t length = end ? (size_t)(end - octets) : (size_t)got;
    if (length > 0 && octets[length - 1] == '\r')
        length--;
    enum result result = pkcs11_pin_set(pin, octets, length);
    explicit_bzero(octets, sizeof(octets));
    if (result == RESULT_FORMAT)
        return refuse(failure, result, path,
                      length == 0 ? "its first line is empty" : "its first line is too long");
    return result ? refuse(failure, result, path, strerror(ENOMEM)) : RESULT_OK;
}

enum result pkcs11_pin_read(struct pkcs11_pin *pin, const char *path,
                            struct pkcs11_failure *failure)
{
    *pin = (struct pkcs11_pin){.length = 0};

    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0)
        return refuse(failure, RESULT_SYSTEM, path, strerror(errno));
    enum result result = check_file(descriptor, path, failure);
    if (!result)
        result = read_line(pin, descriptor, path, failure);
    close(descriptor);
    return result;
}
