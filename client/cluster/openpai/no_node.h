#pragma once

#include <string>
#include <string_view>

namespace rdev::cluster::openpai {

// The scheduler's "0/5 nodes are available: 5 Insufficient nvidia.com/gpu." in plain words: "no
// node fits: of 5 nodes, 5 have too few free GPUs; …". At most 300 bytes.
std::string no_node_sentence(std::string_view message);

}  // namespace rdev::cluster::openpai
