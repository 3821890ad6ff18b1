#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rdev::netem {

// The TCP flows that one direction has seen (IPv4; everything else passes unseen).
class Flows final {
 public:
  // Whether the packet may pass: false when its flow was killed. A SYN begins a flow anew.
  bool pass(std::string_view packet);
  // The flows seen so far are dead from now on, and nobody is told: what a NAT that forgot, or a
  // changed network, looks like.
  void kill();
  // One RST for each living flow, as its sender would send it now; the flows are forgotten.
  std::vector<std::string> resets();

 private:
  using Key = std::array<char, 12>;  // both addresses, both ports
  struct Flow {
    std::uint32_t next = 0;  // the sequence number after the last byte sent
    bool dead = false;
  };
  std::map<Key, Flow> flows_;
};

}  // namespace rdev::netem
