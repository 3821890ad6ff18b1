#include "client/commands/like.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace rdev::commands {
namespace {

namespace json = boost::json;

UpOptions all_of_them() {
  UpOptions options;
  options.cluster = "c";
  options.image = "i";
  options.job_template = "t";
  options.user = "u";
  options.ttl = "1h";
  options.publish = "p";
  options.gpus = "1";
  options.memory = "1g";
  options.shm = "2g";
  options.cpus = 1.5;
  options.env = {"A=b c"};
  options.mounts = {"/a:/b"};
  options.command = {"sh", "-c", "x y"};
  options.virtual_cluster = "vc";
  options.priority = "prod";
  options.sku = "K80";
  options.inject = "image";
  options.attach_timeout = "1m";
  options.instances = 3;
  options.storages = {"s"};
  options.setup = {"apt-get update"};
  options.no_entrypoint = true;
  options.exit_with_command = true;
  return options;
}

TEST(Like, AllOptionsComeBack) {
  const json::object object = options_json(all_of_them());
  EXPECT_EQ(object.size(), 23U);
  EXPECT_EQ(options_json(options_from_json(object)), object);
  EXPECT_TRUE(options_json({}).empty());
}

TEST(Like, WhatIsGivenNowReplacesWhatWas) {
  UpOptions given;
  given.name = "new";
  given.env = {"X=y"};
  given.instances = 1;
  given.json = true;
  const UpOptions options = over(all_of_them(), given);
  EXPECT_EQ(options.name, "new");
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.env, std::vector<std::string>{"X=y"});
  EXPECT_EQ(options.instances, 1);
  EXPECT_EQ(options.cpus, 1.5);
  EXPECT_EQ(options.command.size(), 3U);
  EXPECT_EQ(options_json(over(all_of_them(), {})), options_json(all_of_them()));
}

TEST(Like, AsACommandLine) {
  EXPECT_EQ(options_text({{"image", "a:b"},
                          {"env", {"A=b c", "D=e"}},
                          {"cpus", 2},
                          {"no-entrypoint", true},
                          {"command", {"echo", "it's"}}}),
            "--image a:b --env 'A=b c' --env D=e --cpus 2 --no-entrypoint -- echo 'it'\\''s'");
}

TEST(Like, StrangeJsonIsLeftOut) {
  const auto object =
      json::parse(R"({"image": 7, "env": "x", "cpus": "2", "foo": 1, "instances": 1.5})");
  EXPECT_TRUE(options_json(options_from_json(object.as_object())).empty());
}

}  // namespace
}  // namespace rdev::commands
