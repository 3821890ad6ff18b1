#include "client/cluster/openpai/no_node.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "client/cluster/openpai/read_json.h"

namespace rdev::cluster::openpai {
namespace {

struct Lack {
  std::string_view part;  // of what the scheduler says of some nodes
  std::string_view words;
};
// The first that fits counts. kube-scheduler 1.14 to 1.28.
constexpr std::array<Lack, 12> kLacks = {{
    {"gpu", "too few free GPUs"},
    {"Insufficient cpu", "too few free CPUs"},
    {"Insufficient memory", "too little free memory"},
    {"Insufficient pods", "too many containers"},
    {"ephemeral-storage", "too little free disk"},
    {"free ports", "a port in use that is needed"},
    {"node selector", "another kind of machine"},
    {"node affinity", "another kind of machine"},
    {"taint", "been set aside by the administrators"},
    {"unschedulable", "been taken out of use by the administrators"},
    {"not ready", "failed"},
    {"disk pressure", "a full disk"},
}};

constexpr std::size_t kMaxLacks = 32;  // that are read
constexpr std::size_t kMaxShown = 4;

struct Some {
  int nodes = 0;
  std::string words;
};

// "14 Insufficient cpu", "1 node(s) didn't match node selector".
std::optional<Some> read_some(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
  int nodes = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), nodes);
  if (error != std::errc() || nodes < 1) {
    return std::nullopt;
  }
  const std::string_view what = text.substr(static_cast<std::size_t>(rest - text.data()));
  for (const Lack& lack : kLacks) {
    if (what.find(lack.part) != std::string_view::npos) {
      return Some{nodes, std::string(lack.words)};
    }
  }
  return std::nullopt;
}

// What is between "0/5 nodes are available:" and the end of that sentence.
std::string_view list_of(std::string_view message) {
  constexpr std::string_view kAvailable = " nodes are available:";
  const std::size_t at = message.find(kAvailable);
  if (at == std::string_view::npos) {
    return {};
  }
  message.remove_prefix(at + kAvailable.size());
  // Not the dots of "nvidia.com/gpu" or "node.kubernetes.io".
  const std::size_t end = std::min(message.find(". "), message.find(".\n"));
  return message.substr(0, end);
}

}  // namespace

std::string no_node_sentence(std::string_view message) {
  constexpr std::string_view kTry = "; wait, or ask for less (--gpus, --cpus, --memory)";
  const std::size_t slash = message.find('/');
  int nodes = 0;
  if (slash != std::string_view::npos) {
    std::from_chars(message.data() + slash + 1, message.data() + message.size(), nodes);
  }
  std::vector<Some> lacks;
  std::string_view rest = list_of(message);
  while (!rest.empty() && lacks.size() < kMaxLacks) {
    const std::size_t comma = rest.find(',');
    if (auto some = read_some(rest.substr(0, comma))) {
      lacks.push_back(std::move(*some));
    }
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  if (lacks.empty() || nodes < 1) {
    return "no node fits now (" + plain(message, 150) + ")" + std::string(kTry);
  }
  // What most of them lack is the likeliest to be asked for too much.
  std::sort(lacks.begin(), lacks.end(), [](const Some& a, const Some& b) {
    return a.nodes != b.nodes ? a.nodes > b.nodes : a.words < b.words;
  });
  if (nodes == 1) {
    return "no node fits now: the only one has " + lacks.front().words + std::string(kTry);
  }
  std::string text = "no node fits now: of " + std::to_string(nodes) + " nodes ";
  for (std::size_t i = 0; i < std::min(lacks.size(), kMaxShown); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(lacks[i].nodes) +
            (lacks[i].nodes == 1 ? " has " : " have ") + lacks[i].words;
  }
  return plain(text, 240) + std::string(kTry);
}

}  // namespace rdev::cluster::openpai
