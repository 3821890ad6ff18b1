#include "client/cluster/openpai/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/cluster/openpai/samples.h"

namespace rdev::cluster::openpai {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(VirtualClusters, OfTheRealServer) {
  const auto clusters = parse_virtual_clusters(sample("v18-virtual-clusters"));
  ASSERT_TRUE(clusters) << clusters.error().message;
  ASSERT_EQ(clusters->size(), 1U);
  EXPECT_EQ(clusters->front().name, "default");
  EXPECT_EQ(clusters->front().free.gpus, 4);
  EXPECT_EQ(clusters->front().free.memory_mb, 225280);
}

TEST(VirtualClusters, FreeIsWhatIsGuaranteedLessWhatIsUsed) {
  const auto clusters = parse_virtual_clusters(sample("v18-virtual-clusters-hived"));
  ASSERT_TRUE(clusters) << clusters.error().message;
  ASSERT_EQ(clusters->size(), 2U);
  const VirtualCluster& used = clusters->front();
  EXPECT_EQ(used.name, "default");
  EXPECT_EQ(used.used.gpus, 1);
  EXPECT_EQ(used.guaranteed.gpus, 4);
  EXPECT_EQ(used.free.gpus, 3);
  EXPECT_EQ(used.free.cpus, 12);
  EXPECT_EQ(clusters->back().free.gpus, 4);
}

// v1: vCores and GPUs alone, fractions, nothing guaranteed.
TEST(VirtualClusters, OfYarn) {
  const auto clusters = parse_virtual_clusters(sample("sdk-virtual-clusters-yarn"));
  ASSERT_TRUE(clusters) << clusters.error().message;
  EXPECT_NEAR(clusters->front().free.gpus, 11.3, 1e-3);
  EXPECT_NEAR(clusters->front().free.cpus, 70.8, 1e-3);
}

TEST(VirtualClusters, OverusedIsNotBelowNothing) {
  const auto clusters = parse_virtual_clusters(
      R"({"a":{"resourcesTotal":{"gpu":8},"resourcesGuaranteed":{"gpu":1},"resourcesUsed":{"gpu":"3"}},"b":7,"c":{}})");
  ASSERT_TRUE(clusters);
  ASSERT_EQ(clusters->size(), 2U);
  EXPECT_EQ(clusters->front().used.gpus, 3);
  EXPECT_EQ(clusters->front().free.gpus, 0);
}

TEST(SkuTypes, OfTheRealServer) {
  const auto skus = parse_sku_types(sample("v18-sku-types"));
  ASSERT_TRUE(skus) << skus.error().message;
  ASSERT_EQ(skus->size(), 1U);
  EXPECT_EQ(skus->front().name, "K80");
  EXPECT_EQ(skus->front().each.cpus, 4);
  EXPECT_EQ(skus->front().each.memory_mb, 8192);
  EXPECT_EQ(skus->front().each.gpus, 1);
  EXPECT_THAT(*parse_sku_types("{}"), IsEmpty());
}

TEST(Storages, OfTheRealServer) {
  const auto storages = parse_storages(sample("v18-storages"));
  ASSERT_TRUE(storages) << storages.error().message;
  ASSERT_EQ(storages->size(), 2U);
  EXPECT_EQ(storages->at(0).name, "nfs-data");
  EXPECT_TRUE(storages->at(0).shared);
  EXPECT_TRUE(storages->at(0).is_default);
  EXPECT_EQ(storages->at(1).name, "blob-data");
  EXPECT_FALSE(storages->at(1).shared);
  EXPECT_FALSE(storages->at(1).is_default);
  const auto bare = parse_storages(R"({"storages":[{"name":"x"},{"share":true},null]})");
  ASSERT_TRUE(bare);
  ASSERT_EQ(bare->size(), 1U);
  EXPECT_TRUE(bare->front().shared);
}

TEST(LogLocations, OfTheRealServer) {
  const auto logs = parse_log_locations(sample("v18-task-logs"));
  ASSERT_TRUE(logs) << logs.error().message;
  ASSERT_EQ(logs->size(), 4U);
  EXPECT_EQ(logs->front().name, "stdout");
  EXPECT_THAT(
      logs->front().uri,
      testing::StartsWith("/log-manager/127.0.0.1:18080/api/v1/logs/user.pai.stdout?token="));
  EXPECT_EQ(logs->back().name, "runtime.log");
}

TEST(LogLocations, AddressesThatAreNone) {
  EXPECT_TRUE(
      parse_log_locations(R"({"locations":[{"name":"all","uri":"https://blob.example/x?sas"}]})"));
  for (const char* uri :
       {"", "file:///etc/passwd", "//evil.example/x", "/a b", "/a\\r\\nX: y", "x"}) {
    const auto logs =
        parse_log_locations(R"({"locations":[{"name":"all","uri":")" + std::string(uri) + "\"}]}");
    EXPECT_FALSE(logs) << uri;
  }
}

TEST(User, OnlyTheVirtualClustersAreRead) {
  EXPECT_THAT(*parse_user_virtual_clusters(sample("v18-user-detail")), ElementsAre("default"));
  EXPECT_THAT(*parse_user_virtual_clusters(R"({"virtualCluster":"default, vc1,,"})"),
              ElementsAre("default", "vc1"));
  EXPECT_THAT(*parse_user_virtual_clusters(R"({"virtualCluster":null})"), IsEmpty());
  EXPECT_THAT(*parse_user_virtual_clusters("{}"), IsEmpty());
  const auto broken =
      parse_user_virtual_clusters(sample_with("v18-user-detail", "\"pubKey\"", "pubKey"));
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, Not(HasSubstr("KEY")));
}

TEST(Resources, WhatIsNone) {
  for (const char* body : {"", "[]", "7", "\"x\"", "{"}) {
    EXPECT_EQ(parse_virtual_clusters(body).error().code, Code::kProtocol) << body;
    EXPECT_EQ(parse_sku_types(body).error().code, Code::kProtocol) << body;
    EXPECT_EQ(parse_storages(body).error().code, Code::kProtocol) << body;
    EXPECT_EQ(parse_log_locations(body).error().code, Code::kProtocol) << body;
    EXPECT_EQ(parse_user_virtual_clusters(body).error().code, Code::kProtocol) << body;
  }
  EXPECT_FALSE(parse_storages("{}"));
  EXPECT_FALSE(parse_log_locations("{}"));
}

}  // namespace
}  // namespace rdev::cluster::openpai
