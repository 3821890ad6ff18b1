#include "tests/lab/netem/tun.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <thread>

#include "tests/lab/netem/fatal.h"

namespace rdev::netem {
namespace {

// As the kernel's struct virtio_net_hdr, whose header is none of C++.
struct Head {
  std::uint8_t flags, gso_type;
  std::uint16_t hdr_len, gso_size, csum_start, csum_offset;
};
static_assert(sizeof(Head) == kTunHead);

}  // namespace

// A namespace is a thread's own, so a thread enters it and the others stay where they are.
base::Fd make_namespace() {
  int fd = -1;
  std::thread([&fd] {
    if (::unshare(CLONE_NEWNET) == 0) {
      fd = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0) {
      fatal("no new network namespace", errno);
    }
  }).join();
  return base::Fd(fd);
}

base::Fd open_tun(int network_namespace, const std::string& name) {
  int fd = -1;
  std::thread([&fd, &name, network_namespace] {
    if (network_namespace >= 0 && ::setns(network_namespace, CLONE_NEWNET) != 0) {
      fatal("cannot enter the namespace", errno);
    }
    fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ifreq request{};
    std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    if (fd < 0 || ::ioctl(fd, TUNSETIFF, &request) != 0) {
      fatal("no TUN device " + name, errno);
    }
  }).join();
  return base::Fd(fd);
}

void take_large_packets(int tun, bool large) {
  if (::ioctl(tun, TUNSETOFFLOAD, large ? TUN_F_CSUM | TUN_F_TSO4 : 0U) != 0) {
    fatal("no segmentation offload", errno);
  }
}

std::size_t size_on_the_line(std::string_view packet) {
  Head head{};
  std::memcpy(&head, packet.data(), sizeof head);
  const std::size_t size = packet.size() - sizeof head;
  if (head.gso_type == 0 || head.gso_size == 0 || size <= head.hdr_len) {
    return size;
  }
  const std::size_t segments = (size - head.hdr_len + head.gso_size - 1) / head.gso_size;
  return size + (segments - 1) * head.hdr_len;
}

}  // namespace rdev::netem
