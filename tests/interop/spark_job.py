"""Count a data set's labels with Spark, in an environment that has it: see `test_spark`.

Standard input is a JSON object: ``classes``, a folder of the compiled `KmsClient`, and ``reads``, a
list of {"files": […], "key": the wrapping key in base64}. Standard output is a list of answers:
{"version": …, "ids": […], "labels": [[label, count], …]}, or {"error": …}.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession, functions

CRYPTO = "org.apache.parquet.crypto.keytools.PropertiesDrivenCryptoFactory"


def session(classes: str) -> SparkSession:
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.extraClassPath", classes)
    builder = builder.config("spark.hadoop.parquet.crypto.factory.class", CRYPTO)
    builder = builder.config("spark.hadoop.parquet.encryption.kms.client.class", "DatumaroKms")
    return builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()


def answer(spark: SparkSession, files: list[str], key: str) -> dict[str, Any]:
    reader = spark.read.option("parquet.encryption.key.access.token", key)
    try:
        table: DataFrame = reader.parquet(*files)
        each = table.select(functions.explode("annotations").alias("annotation"))
        labels = each.groupBy("annotation.label").count().orderBy("label").collect()
        ids = sorted(row.id for row in table.select("id").collect())
    except (PySparkException, Py4JError) as error:
        return {"error": str(error)}
    return {"version": spark.version, "ids": ids, "labels": [list(row) for row in labels]}


def main() -> None:
    told = json.load(sys.stdin)
    spark = session(told["classes"])
    json.dump([answer(spark, read["files"], read["key"]) for read in told["reads"]], sys.stdout)


main()
