#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/base/fd.h"

namespace rdev::netem {

// The network namespace of the job's side: new, with nothing in it. It lives as long as the
// descriptor, or a process in it.
base::Fd make_namespace();

// A TUN device `name` in that namespace (-1: the process's own), not blocking: what the kernel
// sends over it can be read, whole packets; what is written arrives. Each has kTunHead bytes of the
// kernel's (struct virtio_net_hdr) ahead, zeros if need be. Gone with the descriptor.
base::Fd open_tun(int network_namespace, const std::string& name);
inline constexpr std::size_t kTunHead = 10;

// From now on the kernel leaves it to the device to cut TCP's bytes into packets, as it does with
// the devices of today: up to 64 KiB come in one piece, which costs a twentieth.
void take_large_packets(int tun, bool large);
// Of a packet with its head: as many bytes as its pieces have on the line.
std::size_t size_on_the_line(std::string_view packet);

}  // namespace rdev::netem
