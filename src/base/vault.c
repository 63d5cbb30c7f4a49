/* vault.c - memory for secrets, by libsodium. */
#include "avow/base/vault.h"

#include <sodium/core.h>
#include <sodium/utils.h>

/* What libsodium gives out ends where its pages end: it begins as it should only with such sizes.
 */
static bool round_up(size_t *octets)
{
    const size_t alignment = _Alignof(max_align_t);

    if (*octets > SIZE_MAX - alignment)
        return false;
    *octets = (*octets + alignment) / alignment * alignment; /* never none */
    return true;
}

void *vault_take(size_t octets)
{
    if (!round_up(&octets) || sodium_init() < 0)
        return NULL;
    void *place = sodium_malloc(octets);
    if (place)
        sodium_memzero(place, octets);
    return place;
}

void vault_drop(void *place)
{
    sodium_free(place);
}

bool vault_locks(void)
{
    unsigned char page[64];
    bool locks = sodium_mlock(page, sizeof page) == 0;

    (void)sodium_munlock(page, sizeof page);
    return locks;
}
