#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

struct nlmsghdr;

namespace rdev::link_process {

// What of the kernel's rtnetlink messages (rtnetlink(7)) may change which addresses can be reached
// from here. Much of what it tells does not: it repeats itself (an IPv6 address with each router
// advertisement, a radio with each signal strength), hence the memory.
class NetlinkNews final {
 public:
  // What the first message of a datagram that matters says, in a few words; empty when none does.
  std::string read(std::string_view datagram);

 private:
  std::string message(const nlmsghdr& header, std::string_view payload);
  std::string link(bool gone, std::string_view payload);
  std::string address(bool gone, std::string_view payload);

  std::map<int, bool> running_;      // network devices by index
  std::set<std::string> addresses_;  // with their device
};

}  // namespace rdev::link_process
