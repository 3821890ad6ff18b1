#include <gtest/gtest.h>

#include "client/cluster/openpai/resources.h"

namespace rdev::cluster::openpai {
namespace {

// tests/fakes/openpai/samples/v18-storage-*.json
TEST(Storages, AzureBlob) {
  const auto storage = parse_storage(
      R"({"name":"blob-data","share":false,"volumeName":"v","type":"azureBlob","data":{
          "containerName":"c1","accountName":"acct","accountKey":"a2V5"},"readOnly":true})");
  ASSERT_TRUE(storage);
  EXPECT_EQ(storage->type, "azureBlob");
  EXPECT_EQ(storage->where, "acct/c1");
  EXPECT_EQ(storage->key, "a2V5");
  EXPECT_FALSE(storage->summary.shared);
  EXPECT_TRUE(storage->read_only);
}

TEST(Storages, OthersSayWhere) {
  EXPECT_EQ(
      parse_storage(R"({"name":"n","type":"nfs","data":{"server":"10.0.0.9","path":"/data"}})")
          ->where,
      "10.0.0.9:/data");
  EXPECT_EQ(parse_storage(R"({"name":"n","type":"samba","data":{"address":"//h/p"}})")->where,
            "//h/p");
  EXPECT_EQ(parse_storage(R"({"name":"n"})")->type, "");  // without a volume there is no more
}

TEST(Storages, NoObjectIsRefused) {
  for (const char* text : {"", "[]", "7", "null"}) {
    EXPECT_FALSE(parse_storage(text)) << text;
  }
}

TEST(Storages, OldOnesAreMounts) {
  const auto all = parse_old_storages(
      R"([{"name":"cfg","default":true,"servers":["h","n"],"mountInfos":[
          {"mountPoint":"/a","path":"u/${PAI_USER_NAME}/x","server":"h","permission":"ro"},
          {"mountPoint":"/b","path":"","server":"gone"},
          {"mountPoint":"/c","path":"p","server":"n"}]}])",
      R"([{"spn":"h","type":"hdfs","data":{"namenode":"nn","port":"9000"}},
          {"spn":"n","type":"nfs","data":{"address":"h","rootPath":"/r"}}, 7])",
      "alice");
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0].summary.name, "cfg");
  EXPECT_EQ((*all)[0].path, "u/alice/x");
  EXPECT_EQ((*all)[0].name_node, "nn");
  EXPECT_TRUE((*all)[0].read_only);
  EXPECT_EQ((*all)[1].summary.name, "cfg~2");
  EXPECT_EQ((*all)[1].where, "h:/r");
  EXPECT_FALSE(parse_old_storages("{}", "[]", "alice"));
  EXPECT_FALSE(parse_old_storages("[]", "{}", "alice"));
}

}  // namespace
}  // namespace rdev::cluster::openpai
