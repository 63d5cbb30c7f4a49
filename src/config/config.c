/* config.c - a configuration file read, checked and made into structs. */
#include "avow/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avow/base/buffer.h"
#include "load.h"

static void complain_of_file(struct complaints *complaints, const char *path, const char *what)
{
    const struct complaint complaint = {.weight = COMPLAINT_ERROR, .file = path, .what = what};

    complain(complaints, &complaint);
}

/* The path without its last part, absolute. NULL when memory ran out. */
static char *folder_of(struct arena *memory, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;

    if (path[0] == '/')
        return arena_text(memory, path, length ? length : 1);
    char *here = getcwd(NULL, 0);
    if (!here)
        return NULL;
    size_t size = strlen(here) + 1 + length + 1;
    char *folder = arena_take(memory, size, 1);
    if (folder)
        (void)snprintf(folder, size, "%s%s%.*s", here, slash ? "/" : "", (int)length, path);
    free(here);
    return folder;
}

static enum result fill(struct config *config, struct loader *loader, const char *path)
{
    config->memory = arena_make();
    if (!config->memory)
        return RESULT_SYSTEM;
    loader->folder = folder_of(config->memory, path);
    if (!loader->folder)
        return RESULT_SYSTEM;
    const char *last = strrchr(path, '/');
    config->file = loader_path(loader, path[0] == '/' ? path : last ? last + 1 : path);
    const struct yaml_node *root = loader->document->root;
    if (root && root->kind != YAML_MAP && !root->empty) {
        loader_error(loader, &root->place, "the file must be a mapping: server:, zones: and so on");
        return RESULT_FORMAT;
    }
    walk_map(loader, root && root->kind == YAML_MAP ? root : NULL, &schema_root, config);
    if (arena_failed(config->memory) || arena_failed(loader->document->memory))
        return RESULT_SYSTEM;
    return loader->complaints->errors ? RESULT_FORMAT : RESULT_OK;
}

static enum result parse(struct config *config, const struct config_source *source,
                         struct loader *loader, struct complaints *complaints)
{
    struct yaml_document document = {
        .path = source->path, .text = source->text, .length = source->length};
    uint32_t errors_before = complaints->errors;

    *config = (struct config){.memory = NULL};
    loader->config = config;
    loader->document = &document;
    loader->complaints = complaints;
    complaints->errors = 0; /* for this file; the caller's sum is restored below */
    enum result result = yaml_tree_parse(&document, complaints);
    if (!result)
        result = fill(config, loader, source->path);
    if (result == RESULT_SYSTEM)
        complain_of_file(complaints, source->path, "memory ran out");
    if (complaints_exhausted(complaints))
        loader_complain(loader, COMPLAINT_NOTE, NULL, "too many errors; there may be more");
    loader->document = NULL;
    yaml_tree_free(&document);
    complaints->errors += errors_before;
    if (result)
        config_free(config);
    return result;
}

enum result config_parse(struct config *config, const struct config_source *source,
                         enum config_depth depth, struct complaints *complaints)
{
    struct loader loader = {.depth = depth};

    return parse(config, source, &loader, complaints);
}

/* The whole file; errno says why not. Room for all of it is taken at once, so that no copy is left
 * behind of a file that may hold a secret. */
static bool read_file(int descriptor, off_t size, struct buffer *text)
{
    if (size > 0 && size <= YAML_MAX_OCTETS && buffer_claim(text, (size_t)size + 65536))
        text->length = 0;
    for (;;) {
        uint8_t *place = buffer_claim(text, 65536);
        if (!place) {
            errno = ENOMEM;
            return false;
        }
        ssize_t got = read(descriptor, place, 65536);
        text->length -= 65536 - (got > 0 ? (size_t)got : 0);
        if (got == 0 || text->length > YAML_MAX_OCTETS) /* too long: yaml_tree_parse says so */
            return true;
        if (got < 0 && errno != EINTR)
            return false;
    }
}

enum result config_load(struct config *config, const char *path, enum config_depth depth,
                        struct complaints *complaints)
{
    struct loader loader = {.depth = depth};
    struct buffer text = {.secret = true}; /* there may be one in it */
    struct stat status;
    enum result result = RESULT_SYSTEM;

    *config = (struct config){.memory = NULL};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0 || fstat(descriptor, &status) ||
        !read_file(descriptor, status.st_size, &text)) {
        char what[256];
        (void)snprintf(what, sizeof(what), "cannot be read: %s", strerror(errno));
        complain_of_file(complaints, path, what);
    } else {
        const struct config_source source = {
            .path = path, .text = text.octets, .length = text.length};
        loader.others_can_read = depth != CONFIG_TEXT && (status.st_mode & 077);
        result = parse(config, &source, &loader, complaints);
    }
    if (descriptor >= 0)
        (void)close(descriptor);
    buffer_free(&text);
    return result;
}
