/* sections.c - an input of a fuzz target that stands for several files. */
#include "sections.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char mark[] = "\n%% ";
static char folder[] = "/tmp/avow-fuzz-XXXXXX";
static bool made;

/* Up to the next mark. */
static struct section until_mark(struct section input)
{
    const uint8_t *found = input.length ? memmem(input.octets, input.length, mark, 4) : NULL;

    return (struct section){input.octets, found ? (size_t)(found - input.octets) : input.length};
}

struct section section_first(struct section input)
{
    return until_mark(input);
}

bool section_named(struct section input, const char *name, struct section *section)
{
    char line[SECTION_PATH];
    int length = snprintf(line, sizeof line, "%s%s\n", mark, name);
    const uint8_t *found =
        input.length ? memmem(input.octets, input.length, line, (size_t)length) : NULL;

    *section = (struct section){(const uint8_t *)"", 0};
    if (!found)
        return false;
    const uint8_t *start = found + length - 1; /* its end of line may be the next mark's */
    struct section rest = {start, (size_t)(input.octets + input.length - start)};
    *section = until_mark(rest);
    if (section->length) {
        section->octets++;
        section->length--;
    }
    return true;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *where)
{
    (void)status, (void)flag, (void)where;
    return remove(path);
}

static void remove_folder(void)
{
    (void)nftw(folder, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

const char *section_path(const char *name, char *path)
{
    if (!made && (!mkdtemp(folder) || atexit(remove_folder)))
        abort();
    made = true;
    (void)snprintf(path, SECTION_PATH, "%s/%s", folder, name);
    return path;
}

void section_write(struct section section, const char *name)
{
    char path[SECTION_PATH];

    (void)unlink(section_path(name, path));
    if (section.length == 0)
        return;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0 ||
        write(descriptor, section.octets, section.length) != (ssize_t)section.length)
        abort();
    close(descriptor);
}
