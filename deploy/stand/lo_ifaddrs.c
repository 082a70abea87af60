/* LD_PRELOAD shim: makes "lo" look like an ordinary interface, so that Janus (libnice)
 * gathers ICE candidates on 127.0.0.1; Janus skips every interface with IFF_LOOPBACK. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

int getifaddrs(struct ifaddrs **out)
{
    static int (*real)(struct ifaddrs **);
    if (!real)
        real = dlsym(RTLD_NEXT, "getifaddrs");
    int rc = real(out);
    if (rc == 0)
        for (struct ifaddrs *i = *out; i; i = i->ifa_next)
            if (i->ifa_name && !strcmp(i->ifa_name, "lo"))
                i->ifa_flags &= ~IFF_LOOPBACK;
    return rc;
}
