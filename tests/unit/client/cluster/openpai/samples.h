#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace rdev::cluster::openpai {

inline std::filesystem::path samples() {
  return std::string(RDEV_SOURCE_DIR) + "/tests/fakes/openpai/samples";
}

// A body captured from the real server.
inline std::string sample(const std::string& name) {
  std::ifstream in(samples() / (name + ".json"), std::ios::binary);
  EXPECT_TRUE(in) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

// The same with the first `from` in it replaced.
inline std::string sample_with(const std::string& name, const std::string& from,
                               const std::string& to) {
  std::string body = sample(name);
  const std::size_t at = body.find(from);
  EXPECT_NE(at, std::string::npos) << name << " has no " << from;
  return at == std::string::npos ? body : body.replace(at, from.size(), to);
}

}  // namespace rdev::cluster::openpai
