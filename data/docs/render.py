"""Draw a page of any type. The page's class decides which function draws it."""
from __future__ import annotations

from data.docs.canvas import Canvas
from data.docs.chart_drawing import draw_chart
from data.docs.charts import Chart
from data.docs.diagram_drawing import draw_flow, draw_tree
from data.docs.diagrams import Flow, Tree
from data.docs.posters_and_timetables import Poster, Timetable, draw_poster, draw_timetable
from data.docs.receipts_and_forms import Form, Receipt, draw_form, draw_receipt
from data.docs.tables import Table, draw_table

Page = Chart | Table | Flow | Tree | Receipt | Form | Poster | Timetable
DRAWING_FUNCTIONS = {Chart: draw_chart, Table: draw_table, Flow: draw_flow, Tree: draw_tree,
                     Receipt: draw_receipt, Form: draw_form, Poster: draw_poster, Timetable: draw_timetable}


def render(page: Page) -> Canvas:
    """The canvas with the page on it, and the box of each text."""
    return DRAWING_FUNCTIONS[type(page)](page)
