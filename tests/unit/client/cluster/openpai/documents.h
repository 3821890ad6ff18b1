#pragma once

#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <fstream>
#include <sstream>
#include <string>

#include "client/templates/typed_yaml.h"

namespace rdev::cluster::openpai::test {

// A file below the source tree.
inline std::string read_source(const std::string& path) {
  std::ifstream file(std::string(RDEV_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline boost::json::value parse(const std::string& text) {
  const auto document = templates::parse_typed_yaml(text, "t.yaml");
  EXPECT_TRUE(document) << document.error().message << " in " << text;
  return document ? document->value() : boost::json::value();
}

// What the real server was sent or said (tests/fakes/openpai/samples).
inline boost::json::value sample(const std::string& name) {
  return parse(read_source("tests/fakes/openpai/samples/" + name));
}

}  // namespace rdev::cluster::openpai::test
