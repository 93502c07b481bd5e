"""The landing contract has the tables, columns and keys that the product promises."""

from landing_contract import read_contract

TYPES = {"varchar", "bigint", "boolean", "date", "timestamp", "decimal(18,4)", "decimal(18,8)"}


def test_every_folder_has_its_tables() -> None:
    folders: dict[str, list[str]] = {}
    for table in read_contract().values():
        folders.setdefault(table.folder, []).append(table.name)
    assert {folder: len(tables) for folder, tables in folders.items()} == {
        "customer": 5,
        "sales": 3,
        "products": 4,
        "logistic": 3,
        "workbooks": 4,
        "marketing": 2,
        "channels": 3,
    }


def test_transactions_have_the_columns_of_the_tills_in_their_order() -> None:
    assert read_contract()["transactions"].column_names == (
        "transaction_id",
        "customer_id",
        "transaction_date",
        "channel",
        "store_id",
        "payment_method",
        "subtotal",
        "tax_amount",
        "discount_amount",
        "total_amount",
        "currency",
        "status",
    )


def test_every_table_is_declared_whole() -> None:
    for table in read_contract().values():
        names = set(table.column_names)
        assert len(names) == len(table.columns), table.name
        assert table.key, table.name
        happened = {table.event_time} - {None}
        assert {*table.key} | happened <= table.essential <= table.required <= names, table.name
        assert {column.type for column in table.columns} <= TYPES, table.name
        assert all(column.description.endswith(".") for column in table.columns), table.name
        assert table.description.startswith("One row per "), table.name
        assert table.is_optional == (table.name == "rates"), table.name


def test_personal_columns_are_marked() -> None:
    customers = read_contract()["customers"]
    marked = {column.name for column in customers.columns if column.is_pii}
    assert marked >= {"first_name", "last_name", "email", "phone", "date_of_birth", "address_line1"}


def test_workbook_tables_know_their_files() -> None:
    stems = {table.name: table.file_stem for table in read_contract().values() if table.is_workbook}
    assert stems == {
        "customer_master": "Customer_master",
        "customer_support": "Customer_support",
        "workbook_transactions": "Transaction",
        "web_interactions": "Web_Interactions",
    }
