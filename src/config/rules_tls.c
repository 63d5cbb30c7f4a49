/* rules_tls.c - what must hold between the keys of server.tls, and the files that it names. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"
#include "rules.h"
#include "scalar.h"

enum { PEM_MOST_OCTETS = 64 * 1024 };

enum privacy { FOR_ALL, FOR_OWNER };

/* ---- files ------------------------------------------------------------------------------------*/

/* Why the file may not be used; NULL when it may. */
static const char *judge_file(int descriptor, enum privacy privacy, size_t *size)
{
    struct stat status;

    if (fstat(descriptor, &status))
        return "cannot be examined";
    if (!S_ISREG(status.st_mode))
        return "is not a regular file";
    if (privacy == FOR_OWNER && status.st_mode & 077)
        return "can be read or written by others than its owner; allowed is at most mode 0600";
    if (status.st_size == 0)
        return "is empty";
    if (status.st_size > PEM_MOST_OCTETS)
        return "is too long";
    *size = (size_t)status.st_size;
    return NULL;
}

/* Straight into the configuration's memory, which is wiped when it is given back. */
static const char *read_whole(struct loader *loader, int descriptor, enum privacy privacy,
                              size_t size, uint8_t **kept, size_t *length)
{
    struct arena *memory = loader->config->memory;
    uint8_t *octets =
        privacy == FOR_OWNER ? arena_take_secret(memory, size, 1) : arena_take(memory, size, 1);
    ssize_t got = 0;

    for (*length = 0; octets && *length < size; *length += (size_t)got) {
        got = read(descriptor, octets + *length, size - *length);
        if (got <= 0)
            return "cannot be read";
    }
    *kept = octets;
    return NULL;
}

static void read_file(struct loader *loader, const struct yaml_node *map, const char *key,
                      const char *path, enum privacy privacy, uint8_t **kept, size_t *length)
{
    const struct yaml_node *node = yaml_tree_find(map, key);
    size_t size = 0;

    if (!node || !path)
        return;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0) {
        int error = errno;
        loader_error(loader, &node->place, "%s cannot be read: %s", path, strerror(error));
        return;
    }
    const char *fault = judge_file(descriptor, privacy, &size);
    if (!fault && loader->depth == CONFIG_SECRETS)
        fault = read_whole(loader, descriptor, privacy, size, kept, length);
    (void)close(descriptor);
    if (fault)
        loader_error(loader, &node->place, "%s %s", path, fault);
}

/* ---- keys -------------------------------------------------------------------------------------*/

static void check_twins(struct loader *loader, const struct yaml_node *map,
                        const struct config_tls *tls)
{
    const struct yaml_node *list = yaml_tree_find(map, "listen");
    char text[CONFIG_ADDRESS_TEXT];

    for (size_t i = 1; i < tls->listen_count; i++)
        for (size_t j = 0; j < i; j++)
            if (tls->listen[i].family && scalar_same_address(&tls->listen[i], &tls->listen[j]))
                loader_error(loader, &rules_list_item(list, i)->place, "%s is listed twice",
                             config_address_to_text(&tls->listen[i], text));
}

void rules_tls(struct loader *loader, const struct yaml_node *map, void *object)
{
    static const char *const needed[] = {"listen", "certificate-file", "key-file"};
    struct config_tls *tls = object;

    if (!map)
        return;
    for (size_t i = 0; i < COUNT(needed); i++)
        if (!yaml_tree_find(map, needed[i]))
            loader_error(loader, &map->place, "tls needs '%s'", needed[i]);
    check_twins(loader, map, tls);
    if (loader->depth == CONFIG_TEXT)
        return;
    read_file(loader, map, "certificate-file", tls->certificate_file, FOR_ALL, &tls->certificate,
              &tls->certificate_length);
    read_file(loader, map, "key-file", tls->key_file, FOR_OWNER, &tls->key, &tls->key_length);
    read_file(loader, map, "client-ca-file", tls->client_ca_file, FOR_ALL, &tls->client_ca,
              &tls->client_ca_length);
}
