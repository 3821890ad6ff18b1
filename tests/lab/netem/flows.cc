#include "tests/lab/netem/flows.h"

#include <algorithm>

namespace rdev::netem {
namespace {

constexpr std::size_t kIp = 20;  // without options
constexpr std::size_t kTcp = 20;
constexpr std::uint8_t kFin = 1;
constexpr std::uint8_t kSyn = 2;
constexpr std::uint8_t kRst = 4;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint32_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8U | byte_at(bytes, at + i);
  }
  return value;
}

void put(std::string& bytes, std::size_t at, std::uint32_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0; value >>= 8U) {
    bytes[at + i] = static_cast<char>(value);
  }
}

// The Internet checksum, RFC 1071; `sum` is what a pseudo header adds.
std::uint32_t checksum(std::string_view bytes, std::uint32_t sum = 0) {
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    sum += number(bytes, at, 2);
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return ~sum & 0xffffU;
}

// A whole TCP segment of an unfragmented IPv4 packet, from the TCP header on.
std::optional<std::string_view> tcp_of(std::string_view packet) {
  constexpr std::uint32_t kFragment = 0x3fff;
  if (packet.size() < kIp + kTcp || byte_at(packet, 0) >> 4U != 4 || byte_at(packet, 9) != 6 ||
      (number(packet, 6, 2) & kFragment) != 0) {
    return std::nullopt;
  }
  const std::size_t header = std::size_t{byte_at(packet, 0) & 15U} * 4;
  const std::size_t total = std::min<std::size_t>(number(packet, 2, 2), packet.size());
  if (header < kIp || total < header + kTcp) {
    return std::nullopt;
  }
  return packet.substr(header, total - header);
}

}  // namespace

bool Flows::pass(std::string_view packet) {
  const auto tcp = tcp_of(packet);
  if (!tcp) {
    return true;
  }
  Key key{};
  std::copy_n(packet.begin() + 12, 8, key.begin());
  std::copy_n(tcp->begin(), 4, key.begin() + 8);
  const std::uint8_t flags = byte_at(*tcp, 13);
  const std::size_t header = std::size_t{byte_at(*tcp, 12)} / 16 * 4;
  auto [at, is_new] = flows_.try_emplace(key);
  Flow& flow = at->second;
  const std::uint32_t next =
      number(*tcp, 4, 4) + static_cast<std::uint32_t>(tcp->size() - std::min(header, tcp->size())) +
      ((flags & (kSyn | kFin)) != 0 ? 1 : 0);
  if (is_new || (flags & kSyn) != 0) {
    flow = {.next = next};
  } else if (static_cast<std::int32_t>(next - flow.next) > 0) {
    flow.next = next;  // else it is sent again
  }
  const bool alive = !flow.dead;
  if ((flags & kRst) != 0 && alive) {
    flows_.erase(at);
  }
  return alive;
}

void Flows::kill() {
  for (auto& [key, flow] : flows_) {
    flow.dead = true;
  }
}

std::vector<std::string> Flows::resets() {
  std::vector<std::string> packets;
  for (const auto& [key, flow] : flows_) {
    if (flow.dead) {
      continue;
    }
    std::string packet(kIp + kTcp, '\0');
    put(packet, 0, 0x45, 1);
    put(packet, 2, kIp + kTcp, 2);
    put(packet, 8, 64, 1);  // time to live
    put(packet, 9, 6, 1);   // TCP
    std::copy_n(key.begin(), 8, packet.begin() + 12);
    put(packet, 10, checksum(std::string_view(packet).substr(0, kIp)), 2);
    std::copy_n(key.begin() + 8, 4, packet.begin() + kIp);
    put(packet, kIp + 4, flow.next, 4);
    put(packet, kIp + 12, 5U << 4U, 1);
    put(packet, kIp + 13, kRst, 1);
    constexpr std::uint32_t kPseudo = 6 + kTcp;
    put(packet, kIp + 16, checksum(std::string_view(packet).substr(12), kPseudo), 2);
    packets.push_back(std::move(packet));
  }
  std::erase_if(flows_, [](const auto& entry) { return !entry.second.dead; });
  return packets;
}

}  // namespace rdev::netem
