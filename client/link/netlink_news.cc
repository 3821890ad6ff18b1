#include "client/link/netlink_news.h"

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cstring>
#include <optional>

namespace rdev::link_process {
namespace {

// What is remembered; a machine with more is told more often than it needs.
constexpr std::size_t kMostRemembered = 4096;

// The netlink structure at the beginning of `bytes`, which is cut off them with its padding.
template <class T>
std::optional<T> take(std::string_view& bytes) {
  if (bytes.size() < sizeof(T)) {
    return std::nullopt;
  }
  T value;
  bytes.copy(reinterpret_cast<char*>(&value), sizeof value);
  bytes.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(sizeof value), bytes.size()));
  return value;
}

// The attribute of that type; empty when there is none.
std::string_view attribute(std::string_view bytes, unsigned short type) {
  while (bytes.size() >= sizeof(rtattr)) {
    rtattr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.rta_len < sizeof header || header.rta_len > bytes.size()) {
      break;
    }
    if (header.rta_type == type) {
      return bytes.substr(sizeof header, header.rta_len - sizeof header);
    }
    bytes.remove_prefix(std::min<std::size_t>(RTA_ALIGN(header.rta_len), bytes.size()));
  }
  return {};
}

bool is_link_local(unsigned char family, std::string_view address) {
  return family == AF_INET6 && address.size() == 16 && address[0] == '\xfe' &&
         (address[1] & '\xc0') == '\x80';
}

std::string route(std::string_view payload) {
  const auto route = take<rtmsg>(payload);
  const bool ours = route && route->rtm_table != RT_TABLE_LOCAL &&
                    (route->rtm_flags & RTM_F_CLONED) == 0 && route->rtm_type != RTN_LOCAL &&
                    route->rtm_type != RTN_BROADCAST && route->rtm_type != RTN_ANYCAST &&
                    route->rtm_type != RTN_MULTICAST &&
                    !is_link_local(route->rtm_family, attribute(payload, RTA_DST));
  return ours ? "a route changed" : "";
}

}  // namespace

std::string NetlinkNews::read(std::string_view datagram) {
  std::string news;
  while (datagram.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) {
      break;
    }
    // Each is looked at, for what it leaves in the memory.
    const std::string one =
        message(header, datagram.substr(sizeof header, header.nlmsg_len - sizeof header));
    news = news.empty() ? one : news;
    datagram.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
  }
  return news;
}

std::string NetlinkNews::message(const nlmsghdr& header, std::string_view payload) {
  switch (header.nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return link(header.nlmsg_type == RTM_DELLINK, payload);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return address(header.nlmsg_type == RTM_DELADDR, payload);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return route(payload);
    default:
      return "";
  }
}

std::string NetlinkNews::link(bool gone, std::string_view payload) {
  const auto device = take<ifinfomsg>(payload);
  if (!device || (device->ifi_flags & IFF_LOOPBACK) != 0) {
    return "";
  }
  const bool runs =
      !gone && (device->ifi_flags & IFF_UP) != 0 && (device->ifi_flags & IFF_RUNNING) != 0;
  if (running_.size() >= kMostRemembered) {
    running_.clear();
  }
  const auto known = running_.find(device->ifi_index);
  // One that was never heard of has changed somehow, unless it is just being made: all "changes".
  const bool changed =
      known == running_.end() ? runs || device->ifi_change != ~0U : known->second != runs;
  if (gone) {
    running_.erase(device->ifi_index);
  } else {
    running_[device->ifi_index] = runs;
  }
  if (!changed) {
    return "";
  }
  return runs ? "a network device came up" : "a network device went down";
}

std::string NetlinkNews::address(bool gone, std::string_view payload) {
  const auto address = take<ifaddrmsg>(payload);
  if (!address || address->ifa_scope >= RT_SCOPE_LINK ||
      (address->ifa_flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0) {
    return "";  // it cannot be used (yet)
  }
  std::string_view which = attribute(payload, IFA_LOCAL);
  if (which.empty()) {
    which = attribute(payload, IFA_ADDRESS);
  }
  const std::string key = std::to_string(address->ifa_index) + " " + std::string(which);
  if (gone) {
    addresses_.erase(key);
    return "an address went away";
  }
  if (addresses_.size() >= kMostRemembered) {
    addresses_.clear();
  }
  return addresses_.insert(key).second ? "an address came" : "";
}

}  // namespace rdev::link_process
