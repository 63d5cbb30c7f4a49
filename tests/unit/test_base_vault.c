/* test_base_vault.c - memory for secrets is locked, is in no dump, and is gone when it is given
 * back. */
#include "support.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "avow/base/result.h"
#include "avow/base/vault.h"

/* Whether the kernel has a flag (proc(5), VmFlags) for the pages at this address. */
static bool has_flag(const void *place, const char *flag)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    uintptr_t wanted = (uintptr_t)place;
    unsigned long start = 0, end = 0, from, to;
    char line[512];
    bool found = false;

    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            start = from;
            end = to;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && start <= wanted && wanted < end) {
            found = strstr(line, flag) != NULL;
        }
    }
    fclose(file);
    return found;
}

static const size_t sizes[] = {0, 1, 15, 16, 100, 4096, 100000};

START_TEST(is_zeroed_aligned_and_kept_out_of_dumps)
{
    const size_t size = sizes[_i];
    uint8_t *place = vault_take(size);

    ck_assert_ptr_nonnull(place);
    ck_assert_uint_eq((uintptr_t)place % _Alignof(max_align_t), 0);
    for (size_t i = 0; i < size; i++)
        ck_assert_uint_eq(place[i], 0);
    memset(place, 'x', size);
    ck_assert(has_flag(place, " dd"));
    vault_drop(place);
}
END_TEST

/* Whether memory that is locked is locked: there are limits, and sanitizers that keep mlock from
 * the kernel. */
static bool may_be_locked(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(page, MAP_FAILED);
    bool locked = mlock(page, 4096) == 0 && has_flag(page, " lo");
    ck_assert_int_eq(munmap(page, 4096), 0);
    return locked;
}

START_TEST(is_locked_where_that_may_be)
{
    uint8_t *place = vault_take(100);

    ck_assert_ptr_nonnull(place);
    ck_assert_int_eq(has_flag(place, " lo"), may_be_locked());
    ck_assert(vault_locks() || !may_be_locked());
    vault_drop(place);
}
END_TEST

START_TEST(is_unmapped_when_given_back)
{
    uint8_t *place = vault_take(100);
    unsigned char resident;

    ck_assert_ptr_nonnull(place);
    void *page = (void *)((uintptr_t)place & ~(uintptr_t)4095);
    ck_assert_int_eq(mincore(page, 4096, &resident), 0);
    vault_drop(place);
    ck_assert_int_ne(mincore(page, 4096, &resident), 0);
    vault_drop(NULL);
}
END_TEST

START_TEST(says_when_there_is_none)
{
    ck_assert_ptr_null(vault_take(SIZE_MAX));
    ck_assert_ptr_null(vault_take(SIZE_MAX / 2));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/vault");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, is_zeroed_aligned_and_kept_out_of_dumps, 0, COUNT(sizes));
    tcase_add_test(all, is_locked_where_that_may_be);
    tcase_add_test(all, is_unmapped_when_given_back);
    tcase_add_test(all, says_when_there_is_none);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
