"""What each customer may like next, and whether that is better than showing best sellers."""

import polars as pl

from c360_dagster.science.affinity import fit_recommendations, list_purchases, recommend
from c360_dagster.science.answers import Answer, Finding, make_finding
from c360_dagster.science.recommenders import POPULARITY, gather_kinds
from c360_dagster.science.standards import BETTER_THAN_POPULARITY

SUGGESTIONS = 5


def answer_suggestions(
    products: pl.DataFrame,
    catalogue: pl.DataFrame,
    *,
    is_simulated: bool,
) -> Answer:
    """Products: customer_id, item, and order_date of the first purchase. Catalogue: one row per
    item that was bought, with its kind, is_withdrawn and is_inferred (not listed in any file).

    Items that are withdrawn are not suggested. Nor are items that are not listed, unless no item
    is. A kind is not suggested if all its items are left out. In simulated data, the planted tastes
    must be found: the standard is higher.
    """
    bought = list_purchases(products)
    is_missing = pl.col("is_inferred") & ~pl.col("is_inferred").all()
    is_unavailable = pl.col("is_withdrawn") | is_missing
    unavailable, sold = catalogue.filter(is_unavailable), catalogue.filter(~is_unavailable)
    made = fit_recommendations(bought, SUGGESTIONS, unavailable["item"])
    kinds = gather_kinds(bought, catalogue.select("item", "kind"))
    unavailable_kinds = unavailable.join(sold, on="kind", how="anti")["kind"]
    tables = {
        "next_products": made.items.rename({"item": "product_id"}),
        "next_categories": recommend(kinds, 1, unavailable_kinds).rename({"item": "category"}),
    }
    return Answer(tables, [_judge_recall(made.compared, is_simulated=is_simulated)])


def _judge_recall(compared: pl.DataFrame, *, is_simulated: bool) -> Finding:
    recalls = dict(compared.select("method", "recall").iter_rows())
    method = str(compared.filter("is_chosen")["method"].item())
    best, usual = recalls[method], recalls[POPULARITY]
    times = best / usual if best and usual else None
    bound = BETTER_THAN_POPULARITY if is_simulated and method != POPULARITY else 1.0
    return make_finding(
        "beats_popularity",
        times is None or times >= bound,
        f"{method}: recall at {SUGGESTIONS} is {best or 0:.3f}, that of the best sellers "
        f"{usual or 0:.3f}.",
        method=method,
        recall=best,
        recall_of_popularity=usual,
        times_popularity=times,
    )
